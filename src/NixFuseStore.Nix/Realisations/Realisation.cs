using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace NixFuseStore.Nix.Realisations;

/// <summary>
/// What an output of a content-addressed derivation came to, in Nix's JSON:
/// <c>{"dependentRealisations":{ID:BASENAME},"id":ID,"outPath":BASENAME,"signatures":[TEXT]}</c>. Newer Nix writes each signature as
/// <c>{"keyName":KEY,"sig":BASE64}</c>. Other members are kept as they are.
/// </summary>
/// <param name="Id"><c>sha256:HEX!OUTPUT</c>.</param>
/// <param name="OutPath">The path.</param>
/// <param name="Json">All of it, as it came.</param>
public sealed record Realisation(string Id, StorePath OutPath, string Json)
{
    /// <summary>Characters of the JSON with all signatures at most: what clients and servers take.</summary>
    public const int JsonLengthMax = 64 << 10;

    private const string Algorithm = "sha256:";
    private const int HashCharacters = 64;
    private const string IdMember = "id";
    private const string OutPathMember = "outPath";
    private const string DependenciesMember = "dependentRealisations";
    private const string SignaturesMember = "signatures";

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    // As Nix writes it.
    private static readonly JsonSerializerOptions PlainText = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Whether this is <c>sha256:</c>, 64 lowercase hex digits, <c>!</c> and the name of an output.</summary>
    public static bool IsId(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        const int NameStart = 7 + HashCharacters + 1;
        return text.Length > NameStart
            && text.StartsWith(Algorithm, StringComparison.Ordinal)
            && text[NameStart - 1] == '!'
            && !text.AsSpan(Algorithm.Length, HashCharacters).ContainsAnyExcept(HexDigits)
            && StorePath.TryParseBaseName($"{new string('0', StorePath.HashPartLength)}-{text[NameStart..]}", out _);
    }

    /// <summary>The id of an output of the derivation with this hash.</summary>
    public static string IdOf(NixHash derivation, string output)
    {
        ArgumentNullException.ThrowIfNull(derivation);
        return $"{Algorithm}{derivation.ToHex()}!{output}";
    }

    /// <summary>Writes what an output came to, without dependencies and signatures.</summary>
    /// <exception cref="FormatException">The id is none.</exception>
    public static Realisation Create(string id, StorePath outPath) => IsId(id)
        ? new Realisation(id, outPath, $$"""{"dependentRealisations":{},"id":"{{id}}","outPath":"{{outPath.BaseName}}","signatures":[]}""")
        : throw new FormatException($"'{id}' is not the id of a derivation's output (sha256:HEX!OUTPUT)");

    /// <summary>Reads the JSON; <c>id</c> and <c>outPath</c> are needed.</summary>
    /// <exception cref="FormatException">It is something else; the message says what.</exception>
    public static Realisation Parse(string json) => Read(json, out var realisation) is { } problem ? throw new FormatException(problem) : realisation!;

    /// <summary>Reads the JSON; false where it is something else.</summary>
    public static bool TryParse(string json, [NotNullWhen(true)] out Realisation? realisation) => Read(json, out realisation) is null;

    /// <summary>
    /// The JSON of the first one with the signatures of another, where that is equal but for them; else the first one as it is. Signatures cover
    /// all of it but themselves, so those of an equal one are good for the first, too.
    /// </summary>
    public static string Unite(string first, string other)
    {
        if (first == other || ReadObject(first) is not { } united || ReadObject(other) is not { } added)
        {
            return first;
        }

        var (known, more) = (TakeSignatures(united), TakeSignatures(added));
        if (known is null || more is null || !JsonNode.DeepEquals(united, added) || more.IsSubsetOf(known))
        {
            return first;
        }

        known.UnionWith(more);
        united[SignaturesMember] = new JsonArray([.. known.Select(static text => JsonValue.Create(text))]);
        string json = new JsonObject(united.OrderBy(static member => member.Key, StringComparer.Ordinal).Select(static member =>
            KeyValuePair.Create(member.Key, member.Value?.DeepClone()))).ToJsonString(PlainText);
        return json.Length <= JsonLengthMax ? json : first;
    }

    /// <summary>Whether one of the keys signed it. A signature covers the JSON without signatures, keys sorted and without spaces.</summary>
    public bool IsSignedByAny(IEnumerable<NixPublicKey> keys)
    {
        using var document = JsonDocument.Parse(Json);
        var signatures = document.RootElement.TryGetProperty(SignaturesMember, out var listed) && listed.ValueKind == JsonValueKind.Array
            ? JsonArray.Create(listed)!.Select(SignatureText).OfType<string>().ToArray()
            : [];
        if (signatures.Length == 0)
        {
            return false;
        }

        byte[] message = Fingerprint(document.RootElement);
        return keys.Any(key => signatures.Any(text => NixSignature.TryParse(text, out var signature) && key.Verify(message, signature!)));
    }

    private byte[] Fingerprint(JsonElement realisation)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteStartObject(DependenciesMember);
            if (realisation.TryGetProperty(DependenciesMember, out var dependencies) && dependencies.ValueKind == JsonValueKind.Object)
            {
                foreach (var dependency in dependencies.EnumerateObject().OrderBy(static dependency => dependency.Name, StringComparer.Ordinal))
                {
                    dependency.WriteTo(json);
                }
            }

            json.WriteEndObject();
            json.WriteString(IdMember, Id);
            json.WriteString(OutPathMember, OutPath.BaseName);
            json.WriteEndObject();
        }

        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>What is wrong with it; null where nothing is.</summary>
    private static string? Read(string json, out Realisation? realisation)
    {
        realisation = null;
        try
        {
            using var document = JsonDocument.Parse(json);
            if (document.RootElement is { ValueKind: JsonValueKind.Object } root
                && root.TryGetProperty(IdMember, out var id) && id.ValueKind == JsonValueKind.String && IsId(id.GetString()!)
                && root.TryGetProperty(OutPathMember, out var outPath) && outPath.ValueKind == JsonValueKind.String
                && StorePath.TryParseBaseName(outPath.GetString(), out var path))
            {
                realisation = new Realisation(id.GetString()!, path, json);
                return null;
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            // InvalidOperationException and ArgumentException: text that is no Unicode.
            return $"a realisation is not JSON: {e.Message}";
        }

        return "a realisation lacks a sound 'id' or 'outPath'";
    }

    private static JsonObject? ReadObject(string json)
    {
        try
        {
            return JsonNode.Parse(json) as JsonObject;
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            // ArgumentException: a member twice.
            return null;
        }
    }

    /// <summary>Removes them; none where the member is missing, null where it is something else.</summary>
    private static SortedSet<string>? TakeSignatures(JsonObject realisation)
    {
        var signatures = new SortedSet<string>(StringComparer.Ordinal);
        if (!realisation.Remove(SignaturesMember, out var member))
        {
            return signatures;
        }

        foreach (var item in member as JsonArray ?? [null])
        {
            if (SignatureText(item) is not { } text)
            {
                return null;
            }

            signatures.Add(text);
        }

        return signatures;
    }

    // KEY:BASE64, or as newer Nix writes it, {"keyName":KEY,"sig":BASE64}.
    private static string? SignatureText(JsonNode? item) => item switch
    {
        JsonValue text when text.GetValueKind() == JsonValueKind.String => text.GetValue<string>(),
        JsonObject signature when signature["keyName"] is JsonValue name && name.GetValueKind() == JsonValueKind.String
            && signature["sig"] is JsonValue sum && sum.GetValueKind() == JsonValueKind.String => $"{name}:{sum}",
        _ => null,
    };
}
