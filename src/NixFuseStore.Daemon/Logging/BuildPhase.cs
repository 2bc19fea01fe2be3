using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace NixFuseStore.Daemon.Logging;

/// <summary>
/// The phase that a builder says it is in, as a line of its log: <c>@nix { "action": "setPhase", "phase": "buildPhase" }</c>. So builders print it,
/// and so stock Nix keeps it; clients hear of it as a result of the build's activity.
/// </summary>
internal static class BuildPhase
{
    private const string Prefix = "@nix ";
    private const string Action = "setPhase";

    internal static string LineOf(string phase) => $$"""{{Prefix}}{ "action": "{{Action}}", "phase": "{{JsonEncodedText.Encode(phase)}}" }""";

    /// <summary>The phase that a line sets; false for every other line.</summary>
    internal static bool TryRead(string line, [NotNullWhen(true)] out string? phase)
    {
        phase = null;
        if (!line.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return false;
        }

        try
        {
            using var document = JsonDocument.Parse(line.AsMemory(Prefix.Length));
            if (document.RootElement is { ValueKind: JsonValueKind.Object } root
                && root.TryGetProperty("action", out var action) && action.ValueKind == JsonValueKind.String && action.ValueEquals(Action)
                && root.TryGetProperty("phase", out var named) && named.ValueKind == JsonValueKind.String)
            {
                phase = named.GetString()!;
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: text that is no Unicode. A line as any other.
        }

        return phase is not null;
    }
}
