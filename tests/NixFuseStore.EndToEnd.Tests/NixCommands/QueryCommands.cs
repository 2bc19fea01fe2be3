namespace NixFuseStore.EndToEnd.Tests.NixCommands;

/// <summary>Commands that ask what the store knows about paths.</summary>
internal static class QueryCommands
{
    public static NixCommand[] All { get; } =
    [
        new("nix store ping", run =>
        {
            var said = run.AtTarget("nix store ping");
            Assert.Contains("Store URL: unix://", said.Succeeded() + said.Errors, StringComparison.Ordinal);
        }),
        new("nix store info --json", run =>
            Assert.Contains("\"url\":\"unix://", run.AtTarget("nix store info --json").Succeeded(), StringComparison.Ordinal))
        { Since = new Version(2, 26) },

        NixCommand.Prints("nix path-info TOP", "TOP"),
        NixCommand.Same("nix path-info -r TOP"),
        NixCommand.Same("nix path-info -r --json TOP", PathInfoJson.Comparable),
        NixCommand.Same("nix path-info --json --closure-size TOP LIB", PathInfoJson.Comparable),
        NixCommand.Same("nix path-info -S TOP"),
        NixCommand.Same("nix path-info -rsSh TOP"),
        new("nix path-info --all", run => Assert.Subset(
            run.AtTarget("nix path-info --all").Lines().ToHashSet(), run.Source.Closure.ToHashSet())),

        NixCommand.Same("nix-store --query --references TOP"),
        NixCommand.Same("nix-store --query --requisites TOP"),
        NixCommand.Same("nix-store --query --requisites --include-outputs TOP.drv"),
        NixCommand.Prints("nix-store --query --referrers DEP", "DEP", "LIB"),
        NixCommand.Prints("nix-store --query --referrers-closure DEP", "DEP", "LIB", "TOP"),
        NixCommand.Same("nix-store --query --hash TOP"),
        NixCommand.Same("nix-store --query --size TOP"),
        NixCommand.Same("nix-store --query --deriver TOP"),
        NixCommand.Same("nix-store --query --valid-derivers TOP") with { Since = new Version(2, 26) },
        NixCommand.Same("nix-store --query --outputs TOP.drv"),
        NixCommand.Same("nix-store --query --binding builder TOP.drv"),
        NixCommand.Same("nix-store --print-env TOP.drv"),
        NixCommand.Same("nix-store --query --tree TOP"),
        NixCommand.Same("nix-store --query --graph TOP"),
        new("nix-store --query --roots DEP", run =>
        {
            var link = run.AddRoot("TOP");
            Assert.Contains(run.AtTarget("nix-store --query --roots DEP").Lines(), line => line.Contains(link, StringComparison.Ordinal));
        }),
        NixCommand.Prints("nix-store --check-validity --print-invalid TOP LIB MISSING", "MISSING"),
        new("nix-store --query --hash MISSING (refused)", run =>
        {
            var answer = run.AtTarget("nix-store --query --hash MISSING");
            Assert.Equal(1, answer.Status);
            Assert.Contains("is not valid", answer.Errors, StringComparison.Ordinal);
        }),
    ];
}
