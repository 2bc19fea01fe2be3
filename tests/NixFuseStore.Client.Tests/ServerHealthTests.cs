using NixFuseStore.Client.Server;
using NixFuseStore.Client.Tests.Fixtures;

namespace NixFuseStore.Client.Tests;

public sealed class ServerHealthTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task WaitUp_AwayForLong_FailsAtOnce_UntilACallIsAnswered()
    {
        var time = new ManualTime();
        var health = new ServerHealth(time);
        health.SetDown(new StoreUnavailableException("away"));
        Assert.False(WaitUpAsync(health).IsFaulted);

        time.Advance(ServerHealth.Grace * 2);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => WaitUpAsync(health));

        health.OnHeard();
        var waiting = WaitUpAsync(health);
        Assert.False(waiting.IsCompleted);
        health.SetUp();
        await waiting;

        // What was heard before it went away again says nothing.
        health.SetDown(new StoreUnavailableException("away again"));
        time.Advance(ServerHealth.Grace * 2);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => WaitUpAsync(health));
    }

    private static Task WaitUpAsync(ServerHealth health) => health.WaitUpAsync(Deadline, ReaderExtensions.Token);
}
