using NixFuseStore.Builds.Cells;

namespace NixFuseStore.Builds.Tests;

/// <summary>Where control groups may be made, as kernels and containers show it.</summary>
public sealed class ControlGroupTreeTests
{
    private const string First =
        """
        25 20 0:22 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
        30 25 0:27 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
        33 25 0:30 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
        35 25 0:32 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup rw
        """;

    private const string FirstGroups = "5:memory:/job/7\n1:cpu,cpuacct:/\n0::/\n";

    [Fact]
    public void EachControllerHasItsOwnTree()
    {
        Assert.Equal(
            [new ControlGroupTree("/sys/fs/cgroup/memory/job/7", IsUnified: false), new ControlGroupTree("/sys/fs/cgroup/unified", IsUnified: true)],
            ControlGroupTree.Find("memory", First, FirstGroups));
        Assert.Equal(new ControlGroupTree("/sys/fs/cgroup/cpu", IsUnified: false), ControlGroupTree.Find("cpu", First, FirstGroups).First());
    }

    [Fact]
    public void Unified_ItsOwnGroupFirst_ThenThoseAbove()
    {
        const string Mounts = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
        Assert.Equal(
            ["/sys/fs/cgroup/system.slice/nixfuse.service", "/sys/fs/cgroup/system.slice", "/sys/fs/cgroup"],
            ControlGroupTree.Find("memory", Mounts, "0::/system.slice/nixfuse.service\n").Select(static tree => tree.Directory));
    }

    [Fact]
    public void Container_ThatSeesOnlyItsPart()
    {
        const string Mounts = "29 23 0:26 /docker/abc /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory";
        Assert.Equal("/sys/fs/cgroup/memory", ControlGroupTree.Find("memory", Mounts, "3:memory:/docker/abc\n").Single().Directory);
        Assert.Equal("/sys/fs/cgroup/memory/inner", ControlGroupTree.Find("memory", Mounts, "3:memory:/docker/abc/inner\n").Single().Directory);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("garbage\n1 2 3\n29 23 0:26 / /x rw - cgroup", "0::/")]
    public void Nothing_IsNothing(string mounts, string groups) => Assert.Empty(ControlGroupTree.Find("memory", mounts, groups));
}
