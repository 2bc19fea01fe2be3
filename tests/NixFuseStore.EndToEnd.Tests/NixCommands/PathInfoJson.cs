using System.Text.Json.Nodes;

namespace NixFuseStore.EndToEnd.Tests.NixCommands;

/// <summary>What <c>nix path-info --json</c> prints.</summary>
internal static class PathInfoJson
{
    // When a path came, whether it was built right here and who vouches for it is a matter of each store; ours signs whatever it takes.
    private static readonly string[] OwnToEachStore = ["registrationTime", "ultimate", "signatures"];

    /// <summary>The same without what differs from store to store by right.</summary>
    public static string Comparable(string json)
    {
        var node = JsonNode.Parse(json)!;
        Strip(node);
        return node.ToJsonString();
    }

    private static void Strip(JsonNode? node)
    {
        if (node is JsonObject properties)
        {
            foreach (var name in OwnToEachStore)
            {
                properties.Remove(name);
            }
        }

        var children = node switch
        {
            JsonObject parent => parent.Select(property => property.Value),
            JsonArray array => array,
            _ => [],
        };
        foreach (var child in children)
        {
            Strip(child);
        }
    }
}
