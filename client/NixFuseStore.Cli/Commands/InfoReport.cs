using System.Globalization;
using System.Text;
using System.Text.Json;
using NixFuseStore.Cli.Settings;
using NixFuseStore.Client.Catalog;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Cli.Commands;

/// <summary>Records of paths as text and as JSON.</summary>
internal static class InfoReport
{
    public static string Text(CatalogPath path, StoreDirectory directory)
    {
        var info = path.Handle.Info;
        var text = new StringBuilder().Append(directory.Print(info.Path)).Append('\n');
        Line("NAR", string.Create(CultureInfo.InvariantCulture, $"{info.NarHash}, {info.NarSize} bytes"));
        Line("content", string.Create(CultureInfo.InvariantCulture,
            $"{KindOf(path)}, {path.Handle.Header.EntryCount} entries, {path.Handle.Header.ChunkCount} chunks, manifest {path.Handle.Digest}"));
        foreach (var reference in info.References)
        {
            Line("refers to", reference.BaseName);
        }

        if (info.Deriver is { } deriver)
        {
            Line("deriver", deriver.BaseName);
        }

        if (info.ContentAddress is { } address)
        {
            Line("address", address.ToString());
        }

        foreach (var signature in info.Signatures)
        {
            Line("signature", signature.ToString());
        }

        foreach (string signature in path.StoreSignatures)
        {
            Line("store signature", signature);
        }

        Line("since", DateTimeOffset.FromUnixTimeSeconds(info.RegistrationTime).ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture));
        return text.ToString();

        void Line(string name, string value) => text.Append("  ").Append(name.PadRight(16)).Append(value).Append('\n');
    }

    public static string Json(IReadOnlyList<CatalogPath> paths, StoreDirectory directory)
    {
        var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, JsonOption.WriterOptions))
        {
            json.WriteStartArray();
            foreach (var path in paths)
            {
                Write(json, path, directory);
            }

            json.WriteEndArray();
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static void Write(Utf8JsonWriter json, CatalogPath path, StoreDirectory directory)
    {
        var info = path.Handle.Info;
        json.WriteStartObject();
        json.WriteString("path", directory.Print(info.Path));
        json.WriteString("narHash", info.NarHash.ToString());
        json.WriteNumber("narSize", info.NarSize);
        Strings("references", info.References.Select(directory.Print));
        json.WriteString("deriver", info.Deriver is { } deriver ? directory.Print(deriver) : null);
        json.WriteString("contentAddress", info.ContentAddress?.ToString());
        Strings("signatures", info.Signatures.Select(signature => signature.ToString()));
        Strings("storeSignatures", path.StoreSignatures);
        json.WriteNumber("registrationTime", info.RegistrationTime);
        json.WriteBoolean("ultimate", info.Ultimate);
        json.WriteString("kind", KindOf(path));
        json.WriteNumber("entries", path.Handle.Header.EntryCount);
        json.WriteNumber("chunks", path.Handle.Header.ChunkCount);
        json.WriteString("manifest", path.Handle.Digest.ToString());
        json.WriteEndObject();

        void Strings(string name, IEnumerable<string> values)
        {
            json.WriteStartArray(name);
            foreach (string value in values)
            {
                json.WriteStringValue(value);
            }

            json.WriteEndArray();
        }
    }

    private static string KindOf(CatalogPath path) => path.Handle.Header.RootKind switch
    {
        EntryKind.Directory => "directory",
        EntryKind.Symlink => "symlink",
        _ => path.Handle.Header.RootIsExecutable ? "executable" : "regular",
    };
}
