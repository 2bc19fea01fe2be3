using System.Diagnostics;
using NixFuseStore.Cache.Keys;
using NixFuseStore.Cache.Log;
using NixFuseStore.Cache.Reading;
using NixFuseStore.Content;
using NixFuseStore.Native.Files;

namespace NixFuseStore.Cache;

public sealed partial class ChunkCache
{
    private long _memoryHits;
    private long _diskHits;
    private long _misses;
    private long _corrupt;
    private long _timedOut;
    private long _unreadable;

    /// <summary>Chunks that are remembered as having failed once; forgotten all at once when there are more.</summary>
    private const int FailedOnceMax = 4096;

    private readonly HashSet<ulong> _failedOnce = [];

    /// <inheritdoc/>
    public ValueTask<ChunkBuffer?> TryGetAsync(ChunkId id, int length, CancellationToken cancellationToken)
    {
        // 1. Absence is known without looking.
        if (_pool is not { } pool || !pool.Log.Keys.MarkUsed(KeyTable.Fingerprint(id)))
        {
            return Missing();
        }

        // 2. The log's memory, on this thread.
        var outcome = Read(pool, id, length, fromDisk: false, out var chunk);
        if (outcome != ReadOutcome.OnDisk)
        {
            return chunk is null ? Missing() : ValueTask.FromResult<ChunkBuffer?>(chunk);
        }

        // 3. The disk, on another.
        var request = new ReadRequest(id, length, Stopwatch.GetTimestamp());
        return _lanes.TryEnqueue(request) ? Await(request, cancellationToken) : Missing();
    }

    /// <inheritdoc/>
    public bool TryGetFromMemory(in ChunkId id, out ChunkBuffer? chunk)
    {
        chunk = null;
        return _pool is { } pool
            && pool.Log.Keys.MarkUsed(KeyTable.Fingerprint(id))
            && Read(pool, id, length: -1, fromDisk: false, out chunk) == ReadOutcome.FromMemory;
    }

    private static async ValueTask<ChunkBuffer?> Await(ReadRequest request, CancellationToken cancellationToken)
    {
        if (!cancellationToken.CanBeCanceled)
        {
            return await request.Task.ConfigureAwait(false);
        }

        await using var registration = cancellationToken.UnsafeRegister(
            static (state, token) => ((ReadRequest)state!).TrySetCanceled(token), request).ConfigureAwait(false);
        return await request.Task.ConfigureAwait(false);
    }

    private ValueTask<ChunkBuffer?> Missing()
    {
        Interlocked.Increment(ref _misses);
        return ValueTask.FromResult<ChunkBuffer?>(null);
    }

    /// <summary>What a reading thread does with a request.</summary>
    private void ReadFromDisk(ReadRequest request)
    {
        ChunkBuffer? chunk = null;
        if (_pool is { } pool)
        {
            Read(pool, request.Id, request.Length, fromDisk: true, out chunk);
        }

        if (chunk is null)
        {
            Interlocked.Increment(ref _misses);
        }

        request.Answer(chunk);
    }

    /// <summary>
    /// A read error may be over the next time, so that the chunk stays. One that the disk's medium fails twice is dropped, so that it can be
    /// stored again where the disk is whole.
    /// </summary>
    private void NoteUnreadable(ChunkLog log, in ChunkId id)
    {
        var failure = log.LastReadFailure;
        if (Interlocked.Increment(ref _unreadable) == 1)
        {
            _options.Notice?.Invoke($"cache {_options.Directory}: a chunk cannot be read ({OneLine(failure!)}); it comes from the server");
        }

        if (failure is null || !DiskErrors.IsMedium(failure))
        {
            return;
        }

        bool isSecond;
        lock (_failedOnce)
        {
            if (_failedOnce.Count >= FailedOnceMax)
            {
                _failedOnce.Clear();
            }

            isSecond = !_failedOnce.Add(KeyTable.Fingerprint(id));
        }

        if (isSecond)
        {
            Drop(id);
        }
    }

    /// <summary>Reads, counts, and has what is not as it should be dropped.</summary>
    private ReadOutcome Read(SessionPool pool, in ChunkId id, int length, bool fromDisk, out ChunkBuffer? chunk)
    {
        chunk = null;
        if (!pool.TryRent(out var session))
        {
            return ReadOutcome.Missing;
        }

        var isUsable = false;
        ReadOutcome outcome;
        try
        {
            outcome = pool.Log.Read(session, id, length, fromDisk, out chunk);
            if (outcome == ReadOutcome.Missing)
            {
                // An eviction may have moved it to the tail between FASTER's index and its record.
                outcome = pool.Log.Read(session, id, length, fromDisk, out chunk);
            }

            isUsable = true;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // Whatever FASTER makes of what it found: the cache is opened anew, and the chunk comes from elsewhere.
            GiveUp(pool, failure);
            return ReadOutcome.Missing;
        }
        finally
        {
            pool.Return(session, isUsable);
        }

        switch (outcome)
        {
            case ReadOutcome.FromMemory:
                Interlocked.Increment(ref _memoryHits);
                break;
            case ReadOutcome.FromDisk:
                Interlocked.Increment(ref _diskHits);
                break;
            case ReadOutcome.Corrupt:
                Interlocked.Increment(ref _corrupt);
                Drop(id);
                break;
            case ReadOutcome.Unreadable:
                NoteUnreadable(pool.Log, id);
                break;
            case ReadOutcome.Missing:
                // The table says that it is there, the log that it is not: its page was lost with a full disk or a crash.
                Drop(id);
                break;
        }

        return outcome;
    }
}
