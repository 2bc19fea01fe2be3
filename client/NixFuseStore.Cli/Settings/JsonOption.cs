using System.CommandLine;

namespace NixFuseStore.Cli.Settings;

/// <summary>The <c>--json</c> option; what it prints is stable across versions: names are only added.</summary>
internal static class JsonOption
{
    public static Option<bool> Create() => new("--json") { Description = "Print JSON for programs" };
}
