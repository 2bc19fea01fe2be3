using System.Text.Json;

namespace NixFuseStore.EndToEnd.Tests.NixCommands;

/// <summary>Commands that want a derivation built.</summary>
internal static class BuildCommands
{
    public static NixCommand[] All { get; } =
    [
        new("nix-build (valid) --out-link LINK", run =>
        {
            var link = run.Scratch("result");
            Assert.Equal(run.Source["TOP"], run.AtTarget($"nix-build EXPR -A top --out-link {link}").Succeeded().Trim());
            Assert.Equal(run.Source["TOP"], new FileInfo(link).LinkTarget);
            Assert.Contains($"{link} -> {run.Source["TOP"]}", run.Roots());
        }),
        new("nix build -f (valid) --json", run =>
        {
            using var built = JsonDocument.Parse(run.AtTarget("nix build -f EXPR top --no-link --json").Succeeded());
            var outputs = built.RootElement[0].GetProperty("outputs");
            Assert.Equal(run.Source["TOP"], outputs.GetProperty("out").GetString());
        }),
        new("nix-store --realise --dry-run UNBUILT.drv", run => Assert.Contains(
            run.Source["UNBUILT.drv"], run.AtTarget("nix-store --realise --dry-run UNBUILT.drv").Errors, StringComparison.Ordinal)),
    ];

    /// <summary>For stores that do not build.</summary>
    public static NixCommand[] Refused { get; } =
    [
        Refuses("nix-build (unbuilt, refused)", "nix-build EXPR -A unbuilt --no-out-link"),
        Refuses("nix build -f (unbuilt, refused)", "nix build -f EXPR unbuilt --no-link"),
        Refuses("nix-store --realise UNBUILT.drv (refused)", "nix-store --realise UNBUILT.drv"),
    ];

    // The message names the derivation and says why the store does not build.
    private static NixCommand Refuses(string title, string line) => new(title, run =>
    {
        var refused = run.AtTarget(line);
        Assert.NotEqual(0, refused.Status);
        Assert.Contains(run.Source["UNBUILT.drv"], refused.Errors, StringComparison.Ordinal);
        Assert.Contains("builds are switched off here", refused.Errors, StringComparison.Ordinal);
    });
}
