using NixFuseStore.Content;

namespace NixFuseStore.Client.Chunks;

/// <summary>
/// A reader waits for a run of chunks. Each chunk that arrives brings a reference, which the wait owns until the waiter takes the chunk
/// or the wait is abandoned.
/// </summary>
internal sealed class ChunkWait
{
    // Guards the fields below; never held while calling out.
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ChunkBuffer?[]? _chunks;
    private int _remaining;
    private bool _abandoned;

    /// <summary>A wait for <paramref name="count"/> chunks.</summary>
    /// <param name="count">At least 1.</param>
    /// <param name="keep">Whether the waiter wants the chunks, or only to know that they are there.</param>
    public ChunkWait(int count, bool keep = true)
    {
        _chunks = keep ? new ChunkBuffer?[count] : null;
        _remaining = count;
    }

    /// <summary>Ends when all chunks are there, or with the first failure.</summary>
    public Task Done => _done.Task;

    /// <summary>Gives a chunk; its reference passes to the wait.</summary>
    public void Set(int index, ChunkBuffer chunk)
    {
        var complete = false;
        var keep = false;
        lock (_gate)
        {
            if (!_abandoned)
            {
                keep = _chunks is not null;
                if (keep)
                {
                    _chunks![index] = chunk;
                }

                complete = --_remaining == 0;
            }
        }

        if (!keep)
        {
            chunk.Release();
        }

        if (complete)
        {
            _done.TrySetResult();
        }
    }

    public void Fail(Exception exception) => _done.TrySetException(exception);

    /// <summary>Takes a chunk out, after <see cref="Done"/> ended well; its reference passes to the caller.</summary>
    public ChunkBuffer Take(int index)
    {
        var chunk = _chunks![index]!;
        _chunks[index] = null;
        return chunk;
    }

    /// <summary>Releases what is there and what still comes. May be called at any time, also after the chunks were taken.</summary>
    public void Abandon()
    {
        lock (_gate)
        {
            _abandoned = true;
            for (var i = 0; i < (_chunks?.Length ?? 0); i++)
            {
                _chunks![i]?.Release();
                _chunks[i] = null;
            }
        }

        // A wait that failed after its caller gave up is not to count as an unobserved exception.
        _ = _done.Task.Exception;
    }
}
