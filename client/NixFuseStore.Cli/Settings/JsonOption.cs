using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace NixFuseStore.Cli.Settings;

/// <summary>The <c>--json</c> option; what it prints is stable across versions: names are only added.</summary>
internal static class JsonOption
{
    /// <summary>For those who write JSON by hand. The relaxed encoder leaves "+" alone, which names and base-64 are full of; it is never put into HTML.</summary>
    public static JsonWriterOptions WriterOptions => new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Option<bool> Create() => new("--json") { Description = "Print JSON for programs" };
}
