using System.Text.RegularExpressions;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>The client is one native executable, which needs no more of its host than README names.</summary>
public sealed partial class NativeClientTests : EndToEndTest
{
    [Fact]
    public void SymbolVersions_AreNotNewerThanTheGlibcThatReadmeNames()
    {
        var needed = Command.Run("readelf", "--version-info", "--wide", Programs.NativeNixfuse).Succeeded();
        var newest = GlibcPattern().Matches(needed).Select(match => Version.Parse(match.Groups[1].Value)).Max();
        var named = ReadmePattern().Match(File.ReadAllText(Path.Combine(Programs.Repository, "README.md")));

        Assert.NotNull(newest);
        Assert.True(named.Success, "README.md names no glibc");
        Assert.True(newest <= Version.Parse(named.Groups[1].Value), $"the client needs glibc {newest}; README.md says {named.Groups[1].Value}");
    }

    [Fact]
    public void Libraries_ThatItIsLinkedWith_AreThoseOfTheCLibrary()
    {
        var needed = NeededPattern().Matches(Command.Run("readelf", "--dynamic", "--wide", Programs.NativeNixfuse).Succeeded())
            .Select(match => match.Groups[1].Value).ToArray();

        Assert.Contains("libc.so.6", needed);
        Assert.All(needed, library => Assert.Matches(@"^(libc|libm|libdl|libpthread|librt|ld-linux-[a-z0-9-]+)\.so\.\d+$", library));
    }

    [Theory]
    [InlineData("libssl.so.3", "libssl3")]
    [InlineData("libcrypto.so.3", "libssl3")]
    [InlineData("libzstd.so.1", "libzstd1")]
    public void MissingLibrary_IsNamedInOneLine_WithItsPackage(string library, string package)
    {
        var error = RunWithout(library, "status").FailedWithOneLine();
        Assert.Equal($"nixfuse: The system library {library} cannot be loaded: install it (Debian and Ubuntu: {package}).", error);

        // The process that would serve a mount is another one.
        var mountPoint = Directory.CreateDirectory(Path.Combine(Folder, "mnt")).FullName;
        error = RunWithout(library, "mount", mountPoint, "--server", "http://127.0.0.1:9", "--cache-dir", Path.Combine(Folder, "cache")).FailedWithOneLine();
        Assert.EndsWith($"{library} cannot be loaded: install it (Debian and Ubuntu: {package}).", error, StringComparison.Ordinal);
    }

    [Fact]
    public void MissingSqlite_StopsOnlyWhatReadsALocalStore()
    {
        RunWithout("libsqlite3.so.0", "status").Succeeded();

        var database = Path.Combine(Folder, "root/nix/var/nix/db/db.sqlite");
        Directory.CreateDirectory(Path.GetDirectoryName(database)!);
        File.WriteAllBytes(database, []);
        File.WriteAllText(Path.Combine(Path.GetDirectoryName(database)!, "schema"), "10");
        var server = StartServer();
        var error = RunWithout(
            "libsqlite3.so.0", "push", "--server", server.Url, "--from", Path.Combine(Folder, "root"), "/nix/store/00000000000000000000000000000000-x").FailedWithOneLine();
        Assert.Contains("libsqlite3.so.0 cannot be loaded: install it (Debian and Ubuntu: libsqlite3-0)", error, StringComparison.Ordinal);
    }

    /// <summary>The client where a library is an empty file, which the loader refuses as it does one that is not there.</summary>
    private static CommandResult RunWithout(string library, params string[] arguments)
    {
        Programs.Require("bwrap");
        var line = Command.Run("/sbin/ldconfig", "-p").Lines()
            .FirstOrDefault(line => line.TrimStart().StartsWith(library + " ", StringComparison.Ordinal) && line.Contains(" => ", StringComparison.Ordinal));
        Assert.True(line is not null, $"{library} is not on this machine, so nothing shows what happens without it");
        var file = new FileInfo(line.Split(" => ")[1].Trim());
        var real = file.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? file.FullName;
        return Command.Run("bwrap", ["--dev-bind", "/", "/", "--ro-bind", "/dev/null", real, Programs.NativeNixfuse, .. arguments]);
    }

    [GeneratedRegex(@"GLIBC_(2\.\d+)")]
    private static partial Regex GlibcPattern();

    [GeneratedRegex(@"glibc (2\.\d+)")]
    private static partial Regex ReadmePattern();

    [GeneratedRegex(@"\(NEEDED\)\s+Shared library: \[([^\]]+)\]")]
    private static partial Regex NeededPattern();
}
