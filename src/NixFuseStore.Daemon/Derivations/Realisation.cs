using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Derivations;

/// <summary>What an output of a derivation came to, in Nix's JSON.</summary>
/// <param name="Id"><c>sha256:HEX!OUTPUT</c>.</param>
/// <param name="OutPath">The path.</param>
/// <param name="Json">All of it, as it came.</param>
internal sealed record Realisation(string Id, StorePath OutPath, string Json)
{
    private const int HashCharacters = 64;

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>Whether the text can be the id of an output.</summary>
    internal static bool IsId(string text)
    {
        const string Prefix = "sha256:";
        int nameStart = Prefix.Length + HashCharacters + 1;
        return text.Length > nameStart
            && text.StartsWith(Prefix, StringComparison.Ordinal)
            && text[nameStart - 1] == '!'
            && !text.AsSpan(Prefix.Length, HashCharacters).ContainsAnyExcept(HexDigits);
    }

    /// <summary>The id of an output.</summary>
    internal static string IdOf(NixHash derivation, string output) => $"sha256:{derivation.ToHex()}!{output}";

    /// <summary>Writes what an output came to, without signatures.</summary>
    /// <exception cref="DaemonStoreException">Id or base name are none.</exception>
    internal static Realisation Create(string id, string baseName)
    {
        if (!IsId(id) || !StorePath.TryParseBaseName(baseName, out var path))
        {
            throw new DaemonStoreException($"'{id}' to '{baseName}' is not a realisation");
        }

        string escaped = JsonEncodedText.Encode(id).ToString();
        return new Realisation(
            id, path, $$"""{"dependentRealisations":{},"id":"{{escaped}}","outPath":"{{baseName}}","signatures":[]}""");
    }

    /// <summary>Reads the JSON; <c>id</c> and <c>outPath</c> are needed.</summary>
    /// <exception cref="DaemonStoreException">It is something else.</exception>
    internal static Realisation Parse(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            if (document.RootElement is { ValueKind: JsonValueKind.Object } root
                && root.TryGetProperty("id", out var id) && id.ValueKind == JsonValueKind.String && IsId(id.GetString()!)
                && root.TryGetProperty("outPath", out var outPath) && outPath.ValueKind == JsonValueKind.String
                && StorePath.TryParseBaseName(outPath.GetString(), out var path))
            {
                return new Realisation(id.GetString()!, path, json);
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new DaemonStoreException($"a realisation is not JSON: {e.Message}", e);
        }

        throw new DaemonStoreException("a realisation lacks a sound 'id' or 'outPath'");
    }

    /// <summary>Whether one of the keys signed it. A signature covers the JSON without signatures, keys sorted and without spaces.</summary>
    internal bool IsSignedByAny(IEnumerable<NixPublicKey> keys)
    {
        using var document = JsonDocument.Parse(Json);
        var signatures = document.RootElement.TryGetProperty("signatures", out var listed) && listed.ValueKind == JsonValueKind.Array
            ? listed.EnumerateArray().Where(static text => text.ValueKind == JsonValueKind.String).Select(static text => text.GetString()!).ToArray()
            : [];
        if (signatures.Length == 0)
        {
            return false;
        }

        byte[] message = Fingerprint(document.RootElement);
        return keys.Any(key => signatures.Any(text => NixSignature.TryParse(text, out var signature) && key.Verify(message, signature!)));
    }

    private static byte[] Fingerprint(JsonElement realisation)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteStartObject("dependentRealisations");
            if (realisation.TryGetProperty("dependentRealisations", out var dependencies) && dependencies.ValueKind == JsonValueKind.Object)
            {
                foreach (var dependency in dependencies.EnumerateObject().OrderBy(static dependency => dependency.Name, StringComparer.Ordinal))
                {
                    dependency.WriteTo(json);
                }
            }

            json.WriteEndObject();
            json.WriteString("id", realisation.GetProperty("id").GetString());
            json.WriteString("outPath", realisation.GetProperty("outPath").GetString());
            json.WriteEndObject();
        }

        return bytes.WrittenSpan.ToArray();
    }
}
