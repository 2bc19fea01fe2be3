using System.Buffers;
using System.Text.Json;
using NixFuseStore.Nix;

namespace NixFuseStore.Server.Services;

/// <summary>Whether realisations are of Nix's form.</summary>
internal static class RealisationText
{
    /// <summary>Characters of the JSON form at most.</summary>
    public const int JsonLengthMax = 64 << 10;

    private const string Algorithm = "sha256:";
    private const int DigitCount = 64;

    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789abcdef");

    /// <summary>Whether this is <c>sha256:</c>, 64 lowercase hex digits, <c>!</c> and the name of an output.</summary>
    public static bool IsId(string id) =>
        id.StartsWith(Algorithm, StringComparison.Ordinal)
        && id.Length > Algorithm.Length + DigitCount + 1
        && !id.AsSpan(Algorithm.Length, DigitCount).ContainsAnyExcept(Digits)
        && id[Algorithm.Length + DigitCount] == '!'
        && StorePath.TryParseBaseName($"{new string('0', StorePath.HashPartLength)}-{id[(Algorithm.Length + DigitCount + 1)..]}", out _);

    /// <summary>Whether this is an object that names this id and a store path.</summary>
    public static bool IsOf(string id, string json)
    {
        if (json.Length > JsonLengthMax)
        {
            return false;
        }

        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && TextOf(document.RootElement, "id") == id
                && StorePath.TryParseBaseName(TextOf(document.RootElement, "outPath"), out _);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static string TextOf(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
}
