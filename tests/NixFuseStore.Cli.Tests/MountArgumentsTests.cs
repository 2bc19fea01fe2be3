using System.CommandLine;
using NixFuseStore.Cli.Commands;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.Mounting;

namespace NixFuseStore.Cli.Tests;

public sealed class MountArgumentsTests
{
    [Fact]
    public void Options_AreRead_WithTheirValueBehindOrBehindAnEqualsSign()
    {
        var settings = MountArguments.Parse(
            ["--server", "http://a:1,https://b:2", "/mnt/nix", "--store=team", "--cache-size=512MiB", "--cache-dir", "/c", "--read-ahead", "256", "--trusted-public-key", "k:a", "--trusted-public-key=l:b==", "--foreground"]);
        Assert.Equal("/mnt/nix", settings.MountPoint);
        Assert.Equal(["http://a:1/", "https://b:2/"], settings.Store.Servers.Select(server => server.AbsoluteUri));
        Assert.Equal("team", settings.Store.Store);
        Assert.Equal(["k:a", "l:b=="], settings.Store.TrustedPublicKeys);
        Assert.Equal((512L << 20, "/c", 256, true, false), (settings.CacheBytesMax, settings.CacheDirectory, settings.ReadAheadKibibytes, settings.Foreground, settings.IsDetached));
    }

    [Fact]
    public void AbsolutePaths_StandWherePathsDo_AndNowhereElse()
    {
        string here = Environment.CurrentDirectory;
        Assert.Equal(
            ["mount", "--store", "team", here + "/nix", "--cache-dir", here + "/c", "--token-file=" + here + "/t", "--trace", "--build-nix", "/n", "--server", "http://a:1", "--cache-dir"],
            MountArguments.WithAbsolutePaths(["mount", "--store", "team", "nix", "--cache-dir", "c", "--token-file=t", "--trace", "--build-nix", "/n", "--server", "http://a:1", "--cache-dir"]));
        Assert.Equal(["mount", "--", here + "/--store"], MountArguments.WithAbsolutePaths(["mount", "--", "--store"]));
        Assert.Equal(["mount", "--worker", here + "/a", here + "/b"], MountArguments.WithAbsolutePaths(["mount", "--worker", "a", "b"]));
    }

    [Fact]
    public void MoreArguments_AreAddedOnce()
    {
        string[] more = ["--store", "team", "--cache-dir", "/c"];
        string[] once = MountArguments.WithArguments(["mount", "--worker", "--detached", "/nix"], more);
        Assert.Equal(["mount", "--store", "team", "--cache-dir", "/c", "--detached", "/nix"], once);
        Assert.Equal(once, MountArguments.WithArguments(["mount", "--adopt", .. once.AsSpan(1)], more));
    }

    [Theory]
    [InlineData]
    [InlineData("")]
    [InlineData("/a", "/b")]
    [InlineData("/a", "--bogus")]
    [InlineData("/a", "--server")]
    [InlineData("/a", "--server", "localhost:7420")]
    [InlineData("/a", "--cache-size", "many")]
    [InlineData("/a", "--cache-size", "1KiB")]
    [InlineData("/a", "--read-ahead", "1")]
    [InlineData("/a", "--read-ahead", "-5")]
    [InlineData("/a", "-f")]
    [InlineData("/a", "--metrics", "nowhere")]
    [InlineData("/a", "--trusted", "no-such-user-here")]
    [InlineData("/a", "--trusted", "none", "--trusted", "root")]
    [InlineData("/a", "--server", "http://a/team", "--store", "other")]
    [InlineData("/no-such-\uFFFD-here")]
    public void WrongUsage_IsSaid(params string[] args) => Assert.Throws<UsageException>(() => MountArguments.Parse(args));

    [Fact]
    public void MountPoint_MayBeginWithDashes_BehindTwoDashes() => Assert.Equal("--odd", MountArguments.Parse(["--", "--odd"]).MountPoint);

    [Theory]
    [InlineData("mount has no option --forground; near it is --foreground (see nixfuse mount --help)", "/a", "--forground")]
    [InlineData("mount wants MOUNTPOINT (see nixfuse mount --help)")]
    [InlineData("--store wants a value (see nixfuse mount --help)", "/a", "--store")]
    public void WrongUsage_HasTheSentencesOfOtherCommands(string expected, params string[] args) =>
        Assert.Equal(expected, Assert.Throws<UsageException>(() => MountArguments.Parse(args)).Message);

    [Fact]
    public void EveryOptionOfTheHelpText_IsTaken()
    {
        foreach (var option in MountCommand.Create().Options.Where(option => option is not System.CommandLine.Help.HelpOption))
        {
            // A flag goes through; anything that wants a value says so, rather than that there is no such option.
            string[] args = ["/mnt", option.Name];
            if (option is Option<bool>)
            {
                MountArguments.Parse(args);
            }
            else
            {
                Assert.Contains("wants a value", Assert.Throws<UsageException>(() => MountArguments.Parse(args)).Message, StringComparison.Ordinal);
            }
        }
    }
}
