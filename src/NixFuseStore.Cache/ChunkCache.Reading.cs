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
        if (_log is not { } log || !log.Keys.MarkUsed(KeyTable.Fingerprint(id)))
        {
            return Missing();
        }

        // 2. Memory, on this thread.
        var outcome = Read(log, id, length, fromDisk: false, out var chunk);
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
        return _log is { } log
            && log.Keys.MarkUsed(KeyTable.Fingerprint(id))
            && Read(log, id, length: -1, fromDisk: false, out chunk) == ReadOutcome.FromMemory;
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
        if (_log is { } log)
        {
            Read(log, request.Id, request.Length, fromDisk: true, out chunk);
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
    private ReadOutcome Read(ChunkLog log, in ChunkId id, int length, bool fromDisk, out ChunkBuffer? chunk)
    {
        ReadOutcome outcome;
        try
        {
            outcome = log.Read(id, length, fromDisk, out chunk);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // Nothing that is foreseen: the cache is opened anew, and the chunk comes from elsewhere.
            chunk = null;
            GiveUp(log, failure);
            return ReadOutcome.Missing;
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
                NoteUnreadable(log, id);
                break;
            case ReadOutcome.Unwritten:
                Drop(id);
                break;
        }

        return outcome;
    }
}
