using System.Text.Json;

namespace NixFuseStore.Nix.Derivations;

/// <summary>
/// What a derivation asks of the builder beside its program: attributes that are variables of its environment, or with structured attributes
/// members of the JSON object in the variable <c>__json</c>.
/// </summary>
internal static class DerivationAttributes
{
    private const string StructuredVariable = "__json";

    /// <summary>An attribute that is true or false. What is of another kind counts as not being there.</summary>
    internal static bool Flag(Derivation derivation, string name, bool otherwise)
    {
        if (Find(derivation, StructuredVariable) is { } json)
        {
            return Member(json, name) switch
            {
                { ValueKind: JsonValueKind.True } => true,
                { ValueKind: JsonValueKind.False } => false,
                _ => otherwise,
            };
        }

        return Find(derivation, name) is { } text ? text is not ("" or "0") : otherwise;
    }

    /// <summary>An attribute that is a list of words.</summary>
    internal static IReadOnlyList<string> Words(Derivation derivation, string name)
    {
        if (Find(derivation, StructuredVariable) is { } json)
        {
            return Member(json, name) is { ValueKind: JsonValueKind.Array } array
                ? [.. array.EnumerateArray().Where(static item => item.ValueKind == JsonValueKind.String).Select(static item => item.GetString()!)]
                : [];
        }

        return (Find(derivation, name) ?? "").Split([' ', '\t', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries);
    }

    private static string? Find(Derivation derivation, string variable)
    {
        foreach (var (key, value) in derivation.Environment)
        {
            if (key == variable)
            {
                return value;
            }
        }

        return null;
    }

    private static JsonElement? Member(string json, string name)
    {
        try
        {
            using var document = JsonDocument.Parse(Derivation.Text.GetBytes(json));
            return document.RootElement is { ValueKind: JsonValueKind.Object } root && root.TryGetProperty(name, out var member) ? member.Clone() : null;
        }
        catch (JsonException)
        {
            // The builder's Nix says so.
            return null;
        }
    }
}
