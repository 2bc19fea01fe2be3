using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.Builds;

/// <summary>Builders that take more of their host than they may.</summary>
public sealed class BuildLimitTests : EndToEndTest, IClassFixture<BuildServer>
{
    private readonly BuildServer _shared;
    private readonly string _salt = Guid.NewGuid().ToString("N");

    public BuildLimitTests(BuildServer shared)
    {
        foreach (var program in (string[])["nix-daemon", "nix-store", "nix-build"])
        {
            Programs.Require(program);
        }

        _shared = shared;
    }

    [Theory]
    [InlineData("manyProcesses", "the 100 processes that a build may have")]
    [InlineData("muchMemory", "all of the 300 MiB that a build may take")]
    public void MoreThanItMay_Fails_SaysWhy_AndLeavesTheHostServing(string attribute, string why)
    {
        Assert.SkipUnless(Groups().Length > 0, "the control groups of this host cannot be written");
        var before = Ours();
        var host = NewClient(_shared.Server, "here", mountName: "nix");
        host.MountArguments.AddRange(["--build-processes", "100", "--build-memory", "300MiB"]);
        host.Mount();
        var store = new BuildingStore(new NixClient(NixRelease.Open(NixRelease.Bookworm), Scratch), Path.GetDirectoryName(host.MountPoint)!, _shared.Tools, _salt);

        var failed = store.Build(attribute);
        Assert.NotEqual(0, failed.Status);
        Assert.Contains(why, failed.Errors, StringComparison.Ordinal);
        Assert.Contains($"builder for '{store.Instantiate(attribute)}' failed", failed.Errors, StringComparison.Ordinal);
        Assert.Equal(0, store.Build("independent").Status);
        BuilderProcesses.AssertGone(_salt);
        Eventually.Holds("no control group is left", () => !Ours().Except(before).Any());
    }

    private static string[] Groups() => Directory.Exists("/sys/fs/cgroup/pids") ? ["/sys/fs/cgroup/pids", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu"]
        : File.Exists("/sys/fs/cgroup/pids.max") || File.Exists("/sys/fs/cgroup/cgroup.controllers") ? ["/sys/fs/cgroup"] : [];

    private static string[] Ours() =>
        [.. Groups().SelectMany(static group => Directory.EnumerateDirectories(group, "nixfuse-*", new EnumerationOptions { RecurseSubdirectories = true }))];
}
