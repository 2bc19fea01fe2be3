using System.Diagnostics;
using NixFuseStore.Cache.Keys;
using NixFuseStore.Cache.Log;
using NixFuseStore.Cache.Reading;
using NixFuseStore.Content;

namespace NixFuseStore.Cache;

public sealed partial class ChunkCache
{
    private long _memoryHits;
    private long _diskHits;
    private long _misses;
    private long _corrupt;
    private long _timedOut;

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
    public async ValueTask<ChunkBuffer?[]> TryGetManyAsync(ReadOnlyMemory<ChunkId> ids, CancellationToken cancellationToken)
    {
        var reads = new Task<ChunkBuffer?>[ids.Length];
        for (var i = 0; i < reads.Length; i++)
        {
            reads[i] = TryGetAsync(ids.Span[i], length: -1, cancellationToken).AsTask();
        }

        var chunks = new ChunkBuffer?[reads.Length];
        OperationCanceledException? cancelled = null;
        for (var i = 0; i < reads.Length; i++)
        {
            try
            {
                chunks[i] = await reads[i].ConfigureAwait(false);
            }
            catch (OperationCanceledException cancellation)
            {
                cancelled = cancellation;
            }
        }

        if (cancelled is not null)
        {
            foreach (var chunk in chunks)
            {
                chunk?.Release();
            }

            throw cancelled;
        }

        return chunks;
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
            case ReadOutcome.Missing:
                // The table says that it is there, the log that it is not: its page was lost with a full disk or a crash.
                Drop(id);
                break;
        }

        return outcome;
    }
}
