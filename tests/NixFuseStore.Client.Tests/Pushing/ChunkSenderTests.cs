using NixFuseStore.Client.Push;
using NixFuseStore.Client.Server;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Tests.Pushing;

/// <summary>Chunks that several wait for, and calls that fail.</summary>
public sealed class ChunkSenderTests : IAsyncDisposable
{
    private static readonly byte[] Plain = PusherTests.Noise(1, 100_000);
    private static readonly ChunkId Id = ChunkId.Compute(Plain);

    private readonly FakePushTarget _server = new();
    private readonly ChunkUploadTracker _ledger = new(forgetsSettled: true);
    private readonly CancellationTokenSource _stop = new();
    private readonly ChunkSender _sender;
    private readonly Task[] _loops;

    public ChunkSenderTests()
    {
        // Room for just this chunk: what is not given back holds up the next.
        _sender = new ChunkSender(_server, _ledger, new PushProgress(), new PushOptions { ChunkBytesHeldMax = Plain.Length });
        _loops = [.. _sender.Loops().Select(loop => Task.Run(() => loop(_stop.Token)))];
    }

    [Theory]
    [InlineData("FindMissingChunks")]
    [InlineData("Upload")]
    public async Task Chunk_CallFails_WhoJoinedMeanwhileIsServedByAnother(string call)
    {
        var begun = new TaskCompletionSource();
        var fail = new TaskCompletionSource();
        _server.BeforeCall = async name =>
        {
            if (name == call && begun.TrySetResult())
            {
                await fail.Task;
                throw new StoreUnavailableException("away");
            }
        };
        var first = await WantAsync();
        await begun.Task;
        var second = await WantAsync();
        fail.SetResult();

        Assert.Equal("away", (await Assert.ThrowsAsync<StoreUnavailableException>(() => first)).Message);
        await second;
        Assert.Equal([Id], _server.Chunks.Keys);
        Assert.Equal(2, _server.Calls[call]);

        await await WantAsync();
    }

    [Theory]
    [InlineData("FindMissingChunks")]
    [InlineData("Upload")]
    public async Task Chunk_CallsGoOnFailing_EachWaiterFailsOnce(string call)
    {
        var gate = new SemaphoreSlim(0);
        var begun = new SemaphoreSlim(0);
        _server.BeforeCall = async name =>
        {
            if (name == call)
            {
                begun.Release();
                await gate.WaitAsync();
                throw new StoreUnavailableException("away");
            }
        };
        var first = await WantAsync();
        await begun.WaitAsync(TestContext.Current.CancellationToken);
        var second = await WantAsync();
        gate.Release(2);

        await Assert.ThrowsAsync<StoreUnavailableException>(() => first);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => second);
        Assert.Equal(2, _server.Calls[call]);

        _server.BeforeCall = null;
        await await WantAsync();
    }

    // More often than there are loops of any stage.
    [Theory]
    [InlineData("FindMissingChunks")]
    [InlineData("Upload")]
    public async Task Chunk_CallsFailUnexpectedly_WaitersAreToldAndTheLoopsGoOn(string call)
    {
        _server.BeforeCall = name => name == call ? throw new InvalidOperationException("a fault of this program") : Task.CompletedTask;
        for (var i = 0; i < 12; i++)
        {
            var error = await Assert.ThrowsAsync<StoreClientException>(async () => await await WantAsync());
            Assert.Contains("a fault of this program", error.Message, StringComparison.Ordinal);
        }

        _server.BeforeCall = null;
        await await WantAsync();
        Assert.Equal([Id], _server.Chunks.Keys);
    }

    [Fact]
    public async Task Chunk_WhoAddedItHasGone_IsNotUploaded()
    {
        var asking = new TaskCompletionSource();
        var goOn = new TaskCompletionSource();
        _server.BeforeCall = async name =>
        {
            if (name == "FindMissingChunks" && asking.TrySetResult())
            {
                await goOn.Task;
            }
        };
        var gone = new ChunkUploadWaits(() => { }, _ => { });
        Assert.True(_ledger.TryClaim(Id, gone));
        await _sender.SendAsync(HeldChunk.Copy(Id, Plain), askFirst: true, TestContext.Current.CancellationToken);
        await asking.Task;

        gone.Fail(new StoreUnavailableException("the client has given up"));
        goOn.SetResult();

        // There is room for one chunk only: this one comes when the other is out.
        var other = PusherTests.Noise(2, Plain.Length);
        var sent = new TaskCompletionSource();
        var otherId = ChunkId.Compute(other);
        Assert.True(_ledger.TryClaim(otherId, new ChunkUploadWaits(sent.SetResult, sent.SetException)));
        await _sender.SendAsync(HeldChunk.Copy(otherId, other), askFirst: true, TestContext.Current.CancellationToken)
            .WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await sent.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

        Assert.Equal([otherId], _server.Chunks.Keys);
        Assert.Equal(1, _server.Calls["Upload"]);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (var loop in _loops)
        {
            await loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _stop.Dispose();
    }

    /// <summary>Wants the chunk on the server; the inner task ends when it is.</summary>
    private async Task<Task> WantAsync()
    {
        var sent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (_ledger.TryClaim(Id, new ChunkUploadWaits(() => sent.TrySetResult(), e => sent.TrySetException(e))))
        {
            await _sender.SendAsync(HeldChunk.Copy(Id, Plain), askFirst: true, TestContext.Current.CancellationToken);
        }

        return sent.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
    }
}
