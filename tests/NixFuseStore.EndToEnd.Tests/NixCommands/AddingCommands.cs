namespace NixFuseStore.EndToEnd.Tests.NixCommands;

/// <summary>Commands that put a file or folder into the store.</summary>
internal static class AddingCommands
{
    public static NixCommand[] All { get; } =
    [
        Adds("nix-store --add FILE", MakeFile),
        Adds("nix-store --add FOLDER", MakeFolder),
        Adds("nix-store --add-fixed sha256 FILE", MakeFile),
        Adds("nix-store --add-fixed md5 FILE", MakeFile),
        Adds("nix-store --add-fixed --recursive sha256 FOLDER", MakeFolder),
        Adds("nix-store --add-fixed --recursive sha1 FOLDER", MakeFolder),
        Adds("nix store add-file FILE", MakeFile),
        Adds("nix store add-path FOLDER", MakeFolder),
        Adds("nix store add --mode text FILE", MakeFile) with { Since = new Version(2, 26) },
        NixCommand.Same("nix-instantiate EXPR -A unbuilt") with { Title = "nix-instantiate" },
    ];

    /// <summary>A command that adds what it is given, and prints the same path as for the source store, which then says the same of it.</summary>
    private static NixCommand Adds(string title, Func<CommandRun, string, string> make) => new(title, run =>
    {
        var words = title.Split(' ');
        // The name goes into the store path, so that each command adds a path of its own.
        var given = make(run, title.Replace("--", "", StringComparison.Ordinal).Replace(' ', '-'));
        var line = string.Join(' ', [.. words[..^1], given]);
        var path = run.AtSource(line).Succeeded().Trim();
        Assert.NotEqual(0, run.AtTarget("nix-store --check-validity " + path).Status);
        Assert.Equal(path, run.AtTarget(line).Succeeded().Trim());
        run.AssertSameContent(run.Target.Root, path);
        run.AssertSameInfo(run.Target.Url, path);
    });

    private static string MakeFile(CommandRun run, string name) => run.ScratchFile(name, "added by " + name + "\n");

    private static string MakeFolder(CommandRun run, string name)
    {
        var folder = Directory.CreateDirectory(run.Scratch(name)).FullName;
        Directory.CreateDirectory(folder + "/empty folder");
        File.WriteAllText(folder + "/text", "added by " + name + "\n");
        File.WriteAllText(folder + "/program", "#!/bin/sh\n");
        File.SetUnixFileMode(folder + "/program", (UnixFileMode)0b111_101_101);
        File.CreateSymbolicLink(folder + "/link", "text");
        return folder;
    }
}
