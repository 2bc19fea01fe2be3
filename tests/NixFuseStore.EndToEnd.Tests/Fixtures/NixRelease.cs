namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>
/// A stock Nix, named by the Debian release that it comes from: bookworm's is the installed one, the others lie in folders that
/// test.sh unpacks and names in NIXFUSE_TEST_NIX_ROOTS.
/// </summary>
internal sealed class NixRelease
{
    public const string Bookworm = "bookworm";
    public const string Trixie = "trixie";
    public const string Sid = "sid";

    private static readonly Version Nix2Point8 = new(2, 8);

    // Where its files were unpacked; null for the installed one.
    private readonly string? _root;

    private NixRelease(string suite, string[] launcher, string? root = null)
    {
        Suite = suite;
        _root = root;
        Launcher = launcher;
        var version = Command.Run("env", [.. launcher, "nix", "--version"], environment: null).Succeeded();
        Version = Version.Parse(version.Trim().Split(' ')[^1]);
    }

    public static TheoryData<string> Suites { get; } = [Bookworm, Trixie, Sid];

    public string Suite { get; }

    public Version Version { get; }

    /// <summary>The words to put before a command, so that it is this release's.</summary>
    public IReadOnlyList<string> Launcher { get; }

    /// <summary>The release of a suite; without it the test is skipped.</summary>
    public static NixRelease Open(string suite)
    {
        if (suite == Bookworm)
        {
            Programs.Require("nix-store");
            var installed = new NixRelease(suite, []);
            Assert.SkipUnless(installed.Version >= Nix2Point8 && installed.Version < new Version(2, 9), "needs Nix 2.8, as in Debian bookworm");
            return installed;
        }

        Programs.Require("bwrap");
        var root = Environment.GetEnvironmentVariable("NIXFUSE_TEST_NIX_ROOTS") + "/" + suite;
        Assert.SkipUnless(File.Exists(root + "/usr/bin/nix"), $"needs Nix of Debian {suite} in NIXFUSE_TEST_NIX_ROOTS; test.sh unpacks it");
        // Its programs and libraries over the machine's; everything else is the machine's own, such as mounts and sockets.
        return new NixRelease(suite, ["bwrap", "--bind", "/", "/", "--dev-bind", "/dev", "/dev", "--ro-bind", root + "/usr", "/usr"], root);
    }

    /// <summary>
    /// A folder for <c>--build-nix</c>, in whose <c>bin</c> the programs run with their own libraries on the machine as it is; null for the
    /// installed release, which is found on PATH.
    /// </summary>
    /// <param name="folder">Where to make it.</param>
    public string? InstallInto(string folder)
    {
        if (_root is null)
        {
            return null;
        }

        var libraries = Directory.GetDirectories(_root + "/usr/lib", "*-linux-gnu").Single();
        var loader = Directory.GetFiles(libraries, "ld-linux-*").Single();
        Directory.CreateDirectory(folder + "/bin");
        foreach (var program in (string[])["nix-daemon", "nix-store"])
        {
            var script = $"{folder}/bin/{program}";
            File.WriteAllText(script, $"#!/bin/sh\nexec '{loader}' --library-path '{libraries}' --argv0 {program} '{_root}/usr/bin/nix' \"$@\"\n");
            File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        return folder;
    }
}
