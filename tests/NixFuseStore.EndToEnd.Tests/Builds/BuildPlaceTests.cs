using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.Builds;

/// <summary>Which host builds a step: by systems and features, and where a host or a client wants nothing built here.</summary>
public sealed class BuildPlaceTests : EndToEndTest, IClassFixture<BuildServer>
{
    private readonly BuildServer _shared;
    private readonly string _salt = Guid.NewGuid().ToString("N");

    public BuildPlaceTests(BuildServer shared)
    {
        foreach (var program in (string[])["nix-daemon", "nix-store", "nix-build"])
        {
            Programs.Require(program);
        }

        _shared = shared;
    }

    [Fact]
    public void FeatureOfAnotherHost_IsBuiltThere()
    {
        var (here, there) = (Mount("here"), Mount("there", "--system-features", "big-parallel special"));
        var result = Store(here).Build("special");
        Assert.Contains("special begins", result.Errors, StringComparison.Ordinal);
        Assert.Equal("done\n", File.ReadAllText(Store(here).Real(result.Lines().Single())));
        Assert.True(Store(there).IsValid(result.Lines().Single()));

        // A host that has it builds it itself.
        Assert.Equal(0, new BuildingStore(Nix, RootOf(there), _shared.Tools, _salt + "b").Build("special").Status);
    }

    [Theory]
    [InlineData("special", "{special}")]
    [InlineData("foreign", "riscv64-linux")]
    public void NoHostHasIt_NixSaysWhatIsMissing(string attribute, string missing)
    {
        var result = Store(Mount("here")).Build(attribute);
        Assert.NotEqual(0, result.Status);
        Assert.Contains(missing, result.Errors, StringComparison.Ordinal);
        Assert.Contains("is required to build", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void HostOrClientWithoutJobs_AnotherHostBuilds()
    {
        var (idle, busy) = (Mount("idle", "--max-jobs", "0"), Mount("busy"));
        string path = Store(idle).Build("independent").Lines().Single();
        Assert.True(Store(busy).IsValid(path));

        var other = new BuildingStore(Nix, RootOf(busy), _shared.Tools, _salt + "b");
        var refused = other.Build("independent", "--max-jobs", "0", "--keep-failed");
        Assert.Contains("max-jobs is 0", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(0, other.Build("independent").Status);
    }

    /// <summary>Who looks on hears all of it; and what was printed is shown by derivation and by output.</summary>
    [Fact]
    public async Task Builds_AreFollowed_AndTheirLogsShown()
    {
        var host = Mount("here");
        var store = Store(host);
        var derivation = store.Instantiate("slow");
        var built = Task.Run(() => store.Build("slow"), TestContext.Current.CancellationToken);
        Eventually.Holds("it is listed", () => host.Run("builds").Succeeded().Contains("-slow.drv", StringComparison.Ordinal));
        string followed = host.Run("builds", "--follow", derivation).Succeeded();
        string output = (await built).Lines().Single();
        Assert.StartsWith("line 1 of slow\n", followed, StringComparison.Ordinal);
        Assert.Contains("line 8 of slow\n", followed, StringComparison.Ordinal);
        Assert.Equal(followed, host.Run("log", derivation).Succeeded());
        Assert.Equal(followed, host.Run("log", output).Succeeded());
        Assert.Contains("nothing that is being built", host.Run("builds", "--follow", "slow").Errors, StringComparison.Ordinal);
        Assert.Contains("no log of", host.Run("log", store.Instantiate("broken")).Errors, StringComparison.Ordinal);
    }

    private NixClient Nix => new(NixRelease.Open(NixRelease.Bookworm), Scratch);

    private static string RootOf(ClientHost host) => Path.GetDirectoryName(host.MountPoint)!;

    private ClientHost Mount(string name, params string[] arguments)
    {
        var host = NewClient(_shared.Server, name, mountName: "nix");
        host.MountArguments.AddRange(arguments);
        host.Mount();
        return host;
    }

    private BuildingStore Store(ClientHost host) => new(Nix, RootOf(host), _shared.Tools, _salt);
}
