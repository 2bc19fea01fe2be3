using NixFuseStore.Client.Push;
using NixFuseStore.Client.Server;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Adding;

/// <summary>Collects the chunks of an import that have to be sent, for the moment between two pieces of its NAR.</summary>
internal sealed class ImportSink(ImportPipeline pipeline) : SmallContentSink(keeps: true)
{
    private readonly TaskCompletionSource _sent = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Queue<HeldChunk> _claimed = [];
    private ChunkUploadWaits? _waits;

    /// <summary>Ends when all chunks are on the server, once <see cref="Finish"/> was called; fails as soon as one cannot get there.</summary>
    internal Task Sent => _sent.Task;

    // The first wait is that for the end of the NAR.
    private ChunkUploadWaits Waits
    {
        get
        {
            if (_waits is null)
            {
                _waits = new ChunkUploadWaits(() => _sent.TrySetResult(), Fail);
                _waits.Add();
            }

            return _waits;
        }
    }

    /// <summary>Hands on what was collected. Waits while too much is under way.</summary>
    internal ValueTask FlushAsync(CancellationToken cancellationToken) => _claimed.Count == 0 ? default : FlushClaimedAsync(cancellationToken);

    /// <summary>There are no more chunks.</summary>
    internal void Finish() => Waits.End();

    /// <summary>Ends the import, finished or not.</summary>
    internal void Close()
    {
        // Where it is on the server already, this says nothing any more; else those of its chunks that no other import needs are not sent.
        _waits?.Fail(new StoreUnavailableException("the client has given up"));
        while (_claimed.TryDequeue(out var chunk))
        {
            if (pipeline.Ledger.TryDrop(chunk.Id))
            {
                chunk.Release();
            }
            else
            {
                _ = pipeline.Sender.SendAsync(chunk, askFirst: true, CancellationToken.None);
            }
        }

        Dispose();
    }

    /// <inheritdoc/>
    protected override void Pass(in ChunkId id, ReadOnlySpan<byte> plain)
    {
        if (pipeline.Ledger.TryClaim(id, Waits))
        {
            _claimed.Enqueue(HeldChunk.Copy(id, plain));
        }
    }

    private async ValueTask FlushClaimedAsync(CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, pipeline.Ended);
        try
        {
            while (_claimed.TryPeek(out var chunk))
            {
                await pipeline.Sender.SendAsync(chunk, askFirst: true, either.Token).ConfigureAwait(false);
                _claimed.Dequeue();
            }
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new PipelineFailedException("adding has ended inside this program; try again", e);
        }
    }

    private void Fail(Exception exception)
    {
        _sent.TrySetException(exception);
        _ = _sent.Task.Exception;
    }
}
