namespace NixFuseStore.EndToEnd.Tests.NixCommands;

/// <summary>Commands for the store as a whole. After each, everything is as it was.</summary>
internal static class MaintenanceCommands
{
    public static NixCommand[] All { get; } =
    [
        Keeps("nix-store --verify --check-contents"),
        Keeps("nix store verify --all --no-trust"),
        Keeps("nix-store --optimise"),
        Keeps("nix store optimise"),
    ];

    private static NixCommand Keeps(string line) => new(line, run =>
    {
        var said = run.AtTarget(line);
        said.Succeeded();
        Assert.DoesNotMatch("modified|corrupt|error", said.Errors);
        run.AssertSameInfo(run.Target.Url, run.Source.Closure);
        run.AssertSameContent(run.Target.Root, run.Source.Closure);
    });
}
