using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>Nix's JSON form of realisations. Signatures cover all of it but themselves, so that those of an equal one are good for the first, too.</summary>
internal static class RealisationJson
{
    /// <summary>Characters with all signatures at most: what clients and servers take.</summary>
    private const int LengthMax = 64 << 10;

    private const string Signatures = "signatures";

    // As Nix writes it.
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The first one with the signatures of another, where that is equal but for them; else the first one as it is.</summary>
    public static string Unite(string first, string other)
    {
        if (first == other || Parse(first) is not { } united || Parse(other) is not { } added)
        {
            return first;
        }

        var (known, more) = (TakeSignatures(united), TakeSignatures(added));
        if (known is null || more is null || !JsonNode.DeepEquals(united, added) || more.IsSubsetOf(known))
        {
            return first;
        }

        known.UnionWith(more);
        united[Signatures] = new JsonArray([.. known.Select(static text => JsonValue.Create(text))]);
        string json = new JsonObject(united.OrderBy(static member => member.Key, StringComparer.Ordinal).Select(static member =>
            KeyValuePair.Create(member.Key, member.Value?.DeepClone()))).ToJsonString(Plain);
        return json.Length <= LengthMax ? json : first;
    }

    private static JsonObject? Parse(string json)
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
        if (!realisation.Remove(Signatures, out var member))
        {
            return signatures;
        }

        foreach (var item in member as JsonArray ?? [null])
        {
            if (item?.GetValueKind() != JsonValueKind.String)
            {
                return null;
            }

            signatures.Add(item.GetValue<string>());
        }

        return signatures;
    }
}
