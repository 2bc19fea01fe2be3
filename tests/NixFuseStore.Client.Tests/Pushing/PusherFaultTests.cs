using NixFuseStore.Client.Push;
using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Nix.LocalStores;
using NixFuseStore.Testing.LocalStores;

namespace NixFuseStore.Client.Tests.Pushing;

/// <summary>Servers that go away, lose chunks, or refuse in the middle of a push.</summary>
public sealed class PusherFaultTests : IDisposable
{
    private readonly FakeLocalStore _local = new();
    private readonly FakePushTarget _server = new();
    private readonly StorePath[] _paths;

    public PusherFaultTests()
    {
        _paths = [.. Enumerable.Range(0, 10).Select(i => _local.AddFile($"file{i}", PusherTests.Noise(i, 300_000)).Path)];
        _local.Save();
    }

    public void Dispose() => _local.Dispose();

    [Theory]
    [InlineData("GetStore")]
    [InlineData("QueryPaths")]
    [InlineData("FindMissingChunks")]
    [InlineData("Upload")]
    [InlineData("RegisterPaths")]
    public async Task Push_ServerAwayForSomeCalls_TriesAgain(string call)
    {
        int failures = 2;
        _server.BeforeCall = name => name == call && Interlocked.Decrement(ref failures) >= 0
            ? throw new StoreUnavailableException("away")
            : Task.CompletedTask;

        var (result, progress) = await PushAsync(new PushOptions());
        Assert.Equal(_paths.Length, result.Count(PushOutcome.Registered));
        Assert.Equal(2, progress.Retries);
    }

    [Fact]
    public async Task Push_ServerStaysAway_GivesUpAfterTheBound()
    {
        _server.BeforeCall = name => name == "Upload" ? throw new StoreUnavailableException("away") : Task.CompletedTask;
        var exception = await Assert.ThrowsAsync<StoreUnavailableException>(() => PushAsync(new PushOptions { RetryFor = TimeSpan.FromSeconds(1) }));
        Assert.Equal("away", exception.Message);
    }

    [Fact]
    public async Task Push_ServerNeverMet_GivesUpSoon()
    {
        _server.BeforeCall = _ => throw new StoreUnavailableException("nobody there");
        var pushing = PushAsync(new PushOptions());
        await Assert.ThrowsAsync<StoreUnavailableException>(
            () => pushing.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("QueryPaths")]
    [InlineData("FindMissingChunks")]
    [InlineData("Upload")]
    [InlineData("RegisterPaths")]
    public async Task Push_CallRefused_StopsWithThatError(string call)
    {
        _server.BeforeCall = name => name == call ? throw new StoreAccessException("revoked") : Task.CompletedTask;
        var exception = await Assert.ThrowsAsync<StoreAccessException>(() => PushAsync(new PushOptions()));
        Assert.Equal("revoked", exception.Message);
    }

    [Fact]
    public async Task Push_StoppedHalfWay_SendsOnlyTheRestTheSecondTime()
    {
        int uploads = 0;
        _server.BeforeCall = name => name == "Upload" && Interlocked.Increment(ref uploads) > 1
            ? throw new StoreAccessException("stopped")
            : Task.CompletedTask;
        var options = new PushOptions { Uploads = 1, ChunkBytesHeldMax = 1 << 20 };
        await Assert.ThrowsAsync<StoreAccessException>(() => PushAsync(options));
        int sentBefore = _server.Chunks.Count;
        Assert.InRange(sentBefore, 1, 1000);

        _server.BeforeCall = null;
        var (result, progress) = await PushAsync(options);
        Assert.True(result.IsComplete);
        Assert.Equal(_server.Chunks.Count - sentBefore, progress.ChunksSent);
    }

    [Fact]
    public async Task Push_ServerLosesChunksBeforeRegistration_SendsThemAgain()
    {
        int losses = 3;
        _server.BeforeRegistration = _ =>
        {
            if (Interlocked.Decrement(ref losses) >= 0)
            {
                foreach (var id in _server.Chunks.Keys.Take(3))
                {
                    _server.Chunks.TryRemove(id, out byte[]? _);
                }
            }
        };

        var (result, _) = await PushAsync(new PushOptions());
        Assert.Equal(_paths.Length, result.Count(PushOutcome.Registered));
    }

    [Fact]
    public async Task Push_ServerLosesChunksForEver_FailsThePath()
    {
        _server.BeforeRegistration = _ => _server.Chunks.Clear();
        var (result, _) = await PushAsync(new PushOptions());
        Assert.Equal(_paths.Length, result.Count(PushOutcome.Failed));
        Assert.All(result.Paths, path => Assert.Contains("lost its chunks", path.Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("QueryPaths")]
    [InlineData("FindMissingChunks")]
    [InlineData("Upload")]
    [InlineData("RegisterPaths")]
    public async Task Push_Cancelled_EndsSoon(string call)
    {
        using var source = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        _server.BeforeCall = async name =>
        {
            if (name == call)
            {
                await source.CancelAsync();
                await Task.Delay(Timeout.Infinite, source.Token);
            }
        };
        using var store = LocalNixStore.Open(_local.Root);
        var pusher = new Pusher(_server, store, new PushOptions(), TimeProvider.System);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => pusher.PushAsync(_paths, source.Token).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        Assert.Empty(_server.Paths);
    }

    [Theory]
    [InlineData("FindMissingChunks")]
    [InlineData("Upload")]
    public async Task Push_CallEndsByACancellationThatTheLoopHasNotSeen_IsCancelled(string call)
    {
        using var source = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        _server.BeforeCall = name => name == call ? throw new EarlyCancellation(source) : Task.CompletedTask;
        using var store = LocalNixStore.Open(_local.Root);
        var pusher = new Pusher(_server, store, new PushOptions(), TimeProvider.System);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => pusher.PushAsync(_paths, source.Token).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        Assert.Empty(_server.Paths);
    }

    private async Task<(PushResult Result, PushProgress Progress)> PushAsync(PushOptions options)
    {
        using var store = LocalNixStore.Open(_local.Root);
        var pusher = new Pusher(_server, store, options, TimeProvider.System);
        var result = await pusher.PushAsync(_paths, TestContext.Current.CancellationToken);
        return (result, pusher.Progress);
    }

    // The token is cancelled only when the message is read: after the loop has looked at it, and before the push ends.
    private sealed class EarlyCancellation(CancellationTokenSource source) : OperationCanceledException
    {
        public override string Message
        {
            get
            {
                source.Cancel();
                return base.Message;
            }
        }
    }
}
