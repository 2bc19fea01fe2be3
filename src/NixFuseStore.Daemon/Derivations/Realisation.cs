using System.Buffers;
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
}
