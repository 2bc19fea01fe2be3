using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.NixCommands;

/// <summary>Commands that keep paths alive, and that ask what lives.</summary>
internal static class RootCommands
{
    public static NixCommand[] All { get; } =
    [
        NixCommand.Same("nix-store --realise TOP.drv"),
        NixCommand.Prints("nix-store --realise TOP", "TOP"),
        new("nix-store --realise TOP --add-root LINK", run =>
            Assert.Equal(run.Source["TOP"], new FileInfo(run.AddRoot("TOP")).LinkTarget)),
        new("nix-store --gc --print-roots", run =>
        {
            var link = run.AddRoot("TOP");
            Assert.Contains($"{link} -> {run.Source["TOP"]}", run.Roots());
            File.Delete(link);
            Assert.DoesNotContain(run.Roots(), root => root.Contains(link, StringComparison.Ordinal));
        }),
        new("nix-store --gc --print-live, --print-dead", run =>
        {
            run.Target.Bring(run.Source, run.Source["UNROOTED"]);
            run.AddRoot("TOP");

            // Temporary roots of the commands before end a moment after them: until then a path may be live in the first answer and dead in the second.
            HashSet<string> live = [], dead = [];
            Eventually.Holds("no path is both live and dead", () =>
            {
                live = run.AtTarget("nix-store --gc --print-live").Lines().ToHashSet();
                dead = run.AtTarget("nix-store --gc --print-dead").Lines().ToHashSet();
                return !live.Overlaps(dead);
            });
            Assert.Superset(run.Source.Requisites("TOP").ToHashSet(), live);
            Assert.Contains(run.Source["UNROOTED"], dead);
            Assert.Equal(run.AtTarget("nix path-info --all").Lines().ToHashSet(), live.Union(dead).ToHashSet());
        }),
    ];
}
