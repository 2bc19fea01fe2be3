using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.NixCommands;

/// <summary>Commands that carry paths from store to store. The first brings the closure that all others work on.</summary>
internal static class CopyCommands
{
    public static NixCommand[] Filling { get; } =
    [
        new("nix copy --from CHROOT TOP", run =>
        {
            run.AtTarget($"nix copy --no-check-sigs --from {run.Source.Root} TOP LIB").Succeeded();
            run.AtTarget($"nix copy --no-check-sigs --from {run.Source.Root} --derivation TOP.drv").Succeeded();
            run.AssertSameContent(run.Target.Root, run.Source.Closure);
            run.AssertSameInfo(run.Target.Url, run.Source.Closure);
        }),
    ];

    public static NixCommand[] All { get; } =
    [
        new("nix copy --to CHROOT TOP", run =>
        {
            var chroot = run.Scratch("copied");
            run.AtTarget($"nix copy --no-check-sigs --to {chroot} TOP").Succeeded();
            run.AssertSameContent(chroot, run.Source.Requisites("TOP"));
            run.AssertSameInfo(chroot, run.Source.Requisites("TOP"));
        }),
        new("nix copy --to unix://OTHER TOP", run =>
        {
            var other = run.Target.Other!;
            run.AtTarget($"nix copy --no-check-sigs --to {other.Url} TOP").Succeeded();
            run.AssertSameContent(other.Root, run.Source.Requisites("TOP"));
            run.AssertSameInfo(other.Url, run.Source.Requisites("TOP"));
        }),
        new("nix copy --from unix://OTHER HANDED", run =>
        {
            var other = run.Target.Other!;
            run.At(other.Url, $"nix copy --no-check-sigs --from {run.Source.Root} HANDED").Succeeded();
            run.AtTarget($"nix copy --no-check-sigs --from {other.Url} HANDED").Succeeded();
            run.AssertSameContent(run.Target.Root, run.Source.Requisites("HANDED"));
            run.AssertSameInfo(run.Target.Url, run.Source.Requisites("HANDED"));
        }),
        new("nix-store --export, nix-store --import", run =>
        {
            var paths = string.Join(' ', run.Source.Requisites("TOP"));
            run.AtSource($"nix-store --export {paths}", run.Scratch("expected.export")).Succeeded();
            run.AtTarget($"nix-store --export {paths}", outputFile: run.Scratch("export")).Succeeded();
            Assert.Equal(File.ReadAllBytes(run.Scratch("expected.export")), File.ReadAllBytes(run.Scratch("export")));

            var imported = run.Source.Requisites("IMPORTED");
            run.AtSource($"nix-store --export {string.Join(' ', imported)}", run.Scratch("import")).Succeeded();
            Assert.Equal(imported, run.AtTarget("nix-store --import", inputFile: run.Scratch("import")).Lines());
            run.AssertSameContent(run.Target.Root, imported);
            run.AssertSameInfo(run.Target.Url, imported);
        }),
        new("nix-store --dump-db, nix-store --load-db", run =>
        {
            run.AtTarget("nix-store --dump-db", outputFile: run.Scratch("database")).Succeeded();
            var chroot = run.Scratch("loaded");
            // A derivation's outputs are registered from its file, so the files have to be there first.
            Directory.CreateDirectory(chroot + "/nix");
            Command.Run("cp", "-a", run.Target.Root + "/nix/store", chroot + "/nix/").Succeeded();
            run.At(chroot, "nix-store --load-db", inputFile: run.Scratch("database")).Succeeded();
            Assert.Equal(File.ReadAllText(run.Scratch("database")), run.At(chroot, "nix-store --dump-db").Succeeded());
            var line = "nix-store --dump-db " + string.Join(' ', run.Source.Closure);
            Assert.Equal(run.AtSource(line).Succeeded(), run.AtTarget(line).Succeeded());
        }),
    ];

    /// <summary>For stores that have a binary cache.</summary>
    public static NixCommand[] OverHttp { get; } =
    [
        new("nix copy --to http://CACHE TOP", run =>
        {
            run.AtTarget($"nix copy --no-check-sigs --to {run.Target.HttpCache} TOP").Succeeded();
            var chroot = run.Scratch("from-http");
            run.At(chroot, $"nix copy --no-check-sigs --from {run.Target.HttpCache} TOP").Succeeded();
            run.AssertSameContent(chroot, run.Source.Requisites("TOP"));
        }),
        new("nix copy --from http://CACHE CACHED", run =>
        {
            run.AtSource($"nix copy --no-check-sigs --to {run.Target.HttpCache} CACHED").Succeeded();
            run.AtTarget($"nix copy --no-check-sigs --from {run.Target.HttpCache} CACHED").Succeeded();
            run.AssertSameContent(run.Target.Root, run.Source.Requisites("CACHED"));
        }),
        Substitutes("nix-build (substitutable)", "nix-build EXPR -A upstream --no-out-link", "UPSTREAM"),
        Substitutes("nix-store --realise FETCHED (substitutable)", "nix-store --realise FETCHED", "FETCHED"),
    ];

    private static NixCommand Substitutes(string title, string line, string word) => new(title, run =>
    {
        run.AtSource($"nix copy --to {run.Target.HttpCache} {word}").Succeeded();
        Assert.Equal(run.Source[word], run.AtTarget(line).Succeeded().Trim());
        run.AssertSameContent(run.Target.Root, run.Source.Requisites(word));
        run.AssertSameInfo(run.Target.Url, run.Source.Requisites(word));
    });
}
