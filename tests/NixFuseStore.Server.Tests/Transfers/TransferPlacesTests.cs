using Grpc.Core;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Server.Transfers;
using Xunit;

namespace NixFuseStore.Server.Tests.Transfers;

/// <summary>Who gets a place when, and what a peer may be slow for.</summary>
public sealed class TransferPlacesTests
{
    private static readonly TransferRate Rate = new(1000, TimeSpan.FromSeconds(30));

    [Fact]
    public async Task Place_BeyondTheShare_WaitsWhileOthersGetTheirs()
    {
        var places = new TransferPlaces(count: 4, share: 2, TimeSpan.FromSeconds(30), TimeProvider.System);
        using var pace = NewPace();
        var first = await places.TakeAsync("a", pace);
        using var second = await places.TakeAsync("a", pace);
        var third = places.TakeAsync("a", pace).AsTask();
        using var other = await places.TakeAsync("b", pace);
        Assert.False(third.IsCompleted);

        first.Dispose();
        using var granted = await third.WaitAsync(TimeSpan.FromSeconds(60), TestServer.Cancellation);
    }

    [Fact]
    public async Task Waiting_IsServedByTurns_APrincipalAtATime()
    {
        var places = new TransferPlaces(count: 1, share: 1, TimeSpan.FromSeconds(30), TimeProvider.System);
        using var pace = NewPace();
        var held = await places.TakeAsync("a", pace);
        var order = new List<string>();
        var waiting = new List<Task>();
        foreach (var name in (string[])["a", "a", "a", "b"])
        {
            waiting.Add(RunAsync(name));
        }

        held.Dispose();
        await Task.WhenAll(waiting).WaitAsync(TimeSpan.FromSeconds(60), TestServer.Cancellation);
        Assert.Equal(["a", "b", "a", "a"], order);

        async Task RunAsync(string name)
        {
            using var place = await places.TakeAsync(name, pace);
            order.Add(name);
        }
    }

    [Fact]
    public async Task StalledTransfer_GivesWay_AndOneThatGoesOnDoesNot()
    {
        var places = new TransferPlaces(count: 2, share: 2, TimeSpan.FromMilliseconds(200), TimeProvider.System);
        using var stalledPace = NewPace();
        using var busyPace = NewPace();
        var stalled = await places.TakeAsync("a", stalledPace);
        using var busy = await places.TakeAsync("a", busyPace);
        var never = new TaskCompletionSource<int>();
        var wait = stalledPace.WaitAsync(token => new ValueTask<int>(never.Task.WaitAsync(token)), static bytes => bytes).AsTask();

        using var pace = NewPace();
        var wanted = places.TakeAsync("b", pace).AsTask();
        var ended = await Assert.ThrowsAsync<RpcException>(() => wait.WaitAsync(TimeSpan.FromSeconds(60), TestServer.Cancellation));
        Assert.Contains("others waited", ended.Status.Detail, StringComparison.Ordinal);
        stalled.Dispose();
        using var granted = await wanted.WaitAsync(TimeSpan.FromSeconds(60), TestServer.Cancellation);
        Assert.False(busyPace.Token.IsCancellationRequested);
    }

    [Fact]
    public async Task GivenUp_LeavesTheQueue()
    {
        var places = new TransferPlaces(count: 1, share: 1, TimeSpan.FromSeconds(30), TimeProvider.System);
        using var pace = NewPace();
        var held = await places.TakeAsync("a", pace);
        using var leaving = new CancellationTokenSource();
        using var leaver = new TransferPace(Rate, TimeProvider.System, leaving.Token);
        var given = places.TakeAsync("b", leaver).AsTask();
        var wanted = places.TakeAsync("c", pace).AsTask();
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        held.Dispose();
        using var granted = await wanted.WaitAsync(TimeSpan.FromSeconds(60), TestServer.Cancellation);
    }

    [Fact]
    public async Task Pace_LetsAPeerBeSlowOnlyForItsGrace_HoweverFastItWas()
    {
        using var pace = new TransferPace(new TransferRate(1000, TimeSpan.FromMilliseconds(300)), TimeProvider.System, TestServer.Cancellation);
        await pace.WaitAsync(static _ => new ValueTask<int>(1_000_000_000), static bytes => bytes);
        var late = await Assert.ThrowsAsync<RpcException>(async () => await pace.WaitAsync(
            static async token =>
            {
                await Task.Delay(Timeout.Infinite, token);
                return 0;
            },
            static bytes => bytes));
        Assert.Equal(StatusCode.DeadlineExceeded, late.StatusCode);
    }

    private static TransferPace NewPace() => new(Rate, TimeProvider.System, TestServer.Cancellation);
}
