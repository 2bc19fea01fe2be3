namespace NixFuseStore.Builds.Tests;

/// <summary>When a host takes no builds of others.</summary>
public sealed class HostLoadTests
{
    private static readonly HostLoad s_idle = new(Runnable: 0.1, MemoryStall: 0, MemoryAvailable: 0.5, DiskFree: 100L << 30);

    [Fact]
    public void Idle_HasRoom_AndEachShortageAloneHasNone()
    {
        Assert.True(s_idle.HasRoom);
        Assert.False((s_idle with { Runnable = 9 }).HasRoom);
        Assert.False((s_idle with { MemoryStall = 50 }).HasRoom);
        Assert.False((s_idle with { MemoryAvailable = 0.01 }).HasRoom);
        Assert.False((s_idle with { DiskFree = 100 << 20 }).HasRoom);
    }

    [Fact]
    public void ThisHost_IsRead()
    {
        var load = HostLoad.Read(Path.GetTempPath());
        Assert.InRange(load.MemoryAvailable, 0.001, 1);
        Assert.InRange(load.MemoryStall, 0, 100);
        Assert.True(load.Runnable >= 0);
        Assert.InRange(load.DiskFree, 1, long.MaxValue - 1);
        Assert.Equal(long.MaxValue, HostLoad.Read("/nonexistent/directory").DiskFree);
    }
}
