using System.Security.Cryptography;
using System.Threading.RateLimiting;
using NixFuseStore.Content;
using NixFuseStore.Storage.Base;
using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Packs;

namespace NixFuseStore.Storage.Chunks;

/// <content>Writing: callers queue jobs, one loop writes them group by group.</content>
public sealed partial class ChunkStore
{
    /// <summary>Bytes that one unit of <see cref="_budget"/> stands for.</summary>
    private const int BudgetUnit = 16 << 10;

    /// <summary>A group that another server's takeover disturbed is written this often.</summary>
    private const int AttemptsMax = 3;

    private readonly int _budgetUnits;

    /// <summary>A caller takes all of its units at once, and callers wait in their order.</summary>
    private readonly ConcurrencyLimiter _budget;

    private long _packsCreated;
    private long _packsSealed;
    private long _flushes;
    private long _chunksStored;
    private long _bytesStored;

    /// <summary>Touched by the writing loop only (and by opening and closing, while it does not run).</summary>
    private OpenPack? _current;

    /// <summary>
    /// Stores chunks for a store; when it returns they are durable, indexed and visible in that store. Those that exist already are
    /// not written again, whichever store they came from: who sends the bytes may read them.
    /// </summary>
    /// <param name="store">Who sends them.</param>
    /// <param name="chunks">Verified by the caller; payloads must stay unchanged until the call returns.</param>
    /// <param name="cancellationToken">Gives up while waiting for room in the queue; afterwards the call runs to its end.</param>
    /// <exception cref="BlobStoreFullException">No space is left; some of the chunks may have been stored.</exception>
    /// <exception cref="MetadataUnavailableException">The database is away; it is not known which were stored.</exception>
    public async Task<StoreChunksResult> StoreAsync(
        StoreId store, IReadOnlyList<ChunkUpload> chunks, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(chunks);
        if (chunks.Count == 0)
        {
            return default;
        }

        foreach (var chunk in chunks)
        {
            if (chunk.PlainLength is < 0 or >= PackFormat.PlainLengthLimit || chunk.Payload.Length >= PackFormat.PlainLengthLimit)
            {
                throw new ArgumentException($"Chunk {chunk.Id} is too long.", nameof(chunks));
            }
        }

        int units = (int)Math.Min(_budgetUnits, 1 + (chunks.Sum(chunk => (long)chunk.Payload.Length) / BudgetUnit));
        using var room = await _budget.AcquireAsync(units, cancellationToken).ConfigureAwait(false);
        var job = new Job(store, chunks);
        ObjectDisposedException.ThrowIf(!room.IsAcquired || !_jobs.Writer.TryWrite(job), this);

        return await job.Done.Task.ConfigureAwait(false);
    }

    private async Task WriteAllAsync()
    {
        while (await _jobs.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            // Whatever came while the last group was on its way to the disk is the next group.
            var group = new List<Job>();
            while (_jobs.Reader.TryRead(out var job))
            {
                group.Add(job);
            }

            try
            {
                await WriteGroupAsync(group).ConfigureAwait(false);
            }
            catch (Exception exception)
            {
                foreach (var job in group)
                {
                    job.Done.TrySetException(exception);
                }
            }
        }
    }

    private async Task WriteGroupAsync(List<Job> group)
    {
        // 1. Each chunk once, and only those that no pack has yet.
        var firstJobs = new Dictionary<ChunkId, Job>();
        foreach (var job in group)
        {
            foreach (var chunk in job.Chunks)
            {
                firstJobs.TryAdd(chunk.Id, job);
            }
        }

        // Bytes that have come are not thrown away for others that only the index believes in.
        ChunkId[] ids = [.. firstJobs.Keys];
        var places = await _metadata.FindChunksAsync(ChunkScope.All, ids).ConfigureAwait(false);
        IndexedChunk[] present = [.. ids.Zip(places).Where(pair => pair.Second is not null)
            .Select(pair => new IndexedChunk(pair.First, pair.Second!.Value))];
        var damaged = present.Length == 0 ? [] : await Verifier.FindDamagedAsync(present).ConfigureAwait(false);
        var written = ids.Where((_, i) => places[i] is null).Concat(damaged.Select(chunk => chunk.Id)).ToHashSet();
        var absent = written.ToHashSet();

        // 2. They go to packs in the order of arrival, job by job, which keeps a path's chunks together.
        var pending = new Queue<(StoreId Store, ChunkUpload Chunk)>();
        foreach (var job in group)
        {
            foreach (var chunk in job.Chunks.Where(chunk => absent.Contains(chunk.Id) && firstJobs[chunk.Id] == job))
            {
                if (absent.Remove(chunk.Id))
                {
                    pending.Enqueue((job.Store, chunk));
                    job.Stored++;
                    job.StoredBytes += chunk.Payload.Length;
                }
            }
        }

        await WritePendingAsync(pending).ConfigureAwait(false);

        // 3. What was there already, or came from another store just now, becomes visible to the others who sent it.
        foreach (var jobs in group.GroupBy(job => job.Store))
        {
            ChunkId[] sent = [.. jobs.SelectMany(job => job.Chunks.Select(chunk => chunk.Id)).Distinct()
                .Where(id => !written.Contains(id) || firstJobs[id].Store != jobs.Key)];
            if (sent.Length == 0)
            {
                continue;
            }

            bool[] hidden = await _metadata.FindMissingChunksAsync(ChunkScope.Of(jobs.Key), sent).ConfigureAwait(false);
            if (hidden.Contains(true))
            {
                await _metadata.ShareChunksAsync(jobs.Key, [.. sent.Where((_, i) => hidden[i])]).ConfigureAwait(false);
            }
        }

        foreach (var job in group)
        {
            job.Done.TrySetResult(new StoreChunksResult(job.Chunks.Count, job.Stored, job.StoredBytes));
        }
    }

    private async Task WritePendingAsync(Queue<(StoreId Store, ChunkUpload Chunk)> pending)
    {
        while (pending.Count > 0)
        {
            // 1. As many as the open pack still takes; a full one gets its footer. (Where there is no room for that, it takes one more.)
            var pack = _current ??= await CreatePackAsync().ConfigureAwait(false);
            bool fits = pack.Length + pending.Peek().Chunk.Payload.Length <= _options.PackBytesMax || pack.IsEmpty;
            if (!fits && await TrySealAsync(pack).ConfigureAwait(false))
            {
                continue;
            }

            var part = new List<(StoreId Store, ChunkUpload Chunk)>();
            long end = pack.Length;
            while (pending.TryPeek(out var next) && (part.Count == 0 || end + next.Chunk.Payload.Length <= _options.PackBytesMax))
            {
                part.Add(pending.Dequeue());
                end += next.Chunk.Payload.Length;
            }

            // 2. Durable before they are indexed.
            await WritePartAsync(part, attempt: 1).ConfigureAwait(false);
        }
    }

    private async Task WritePartAsync(List<(StoreId Store, ChunkUpload Chunk)> part, int attempt)
    {
        var pack = _current ??= await CreatePackAsync().ConfigureAwait(false);
        long before = pack.Length;
        try
        {
            var places = await pack.AppendAsync([.. part.Select(item => item.Chunk)], CancellationToken.None).ConfigureAwait(false);
            Interlocked.Increment(ref _flushes);
            foreach (var store in places.Zip(part, (place, item) => (place, item.Store)).GroupBy(item => item.Store))
            {
                await _metadata.IndexChunksAsync(store.Key, _options.Owner, [.. store.Select(item => item.place)]).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is PackLostException or BlobChangedException && attempt < AttemptsMax)
        {
            _options.Notice(exception.Message);
            await DropCurrentAsync().ConfigureAwait(false);
            await WritePartAsync(part, attempt + 1).ConfigureAwait(false);
            return;
        }
        catch (MetadataUnavailableException)
        {
            // The bytes lie there unindexed and do no harm; the pack goes on behind them.
            throw;
        }
        catch when (pack.Length != before)
        {
            // After a failed flush it is unknown what the disk has: recovery cuts the pack back to what is indexed.
            await DropCurrentAsync().ConfigureAwait(false);
            throw;
        }

        Interlocked.Add(ref _chunksStored, part.Count);
        Interlocked.Add(ref _bytesStored, part.Sum(item => (long)item.Chunk.Payload.Length));
    }

    private async Task<OpenPack> CreatePackAsync()
    {
        // Never into a directory whose disk is not mounted. The row first: whatever happens next, recovery will find the pack and clear it away.
        await _packs.RequireBlobStoreAsync(CancellationToken.None).ConfigureAwait(false);
        string name = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var record = await _metadata.CreatePackAsync(name, _options.Owner, _options.PackLease).ConfigureAwait(false);
        IBlobWriter? writer = null;
        try
        {
            writer = await _blobs.CreateAsync(name).ConfigureAwait(false);
            await writer.AppendAsync([PackFormat.Header.ToArray()]).ConfigureAwait(false);
            Interlocked.Increment(ref _packsCreated);
            Interlocked.Increment(ref _flushes);
            return new OpenPack(record, writer, []);
        }
        catch
        {
            // The first exception is the one that tells what is wrong. What cannot be cleared away here, recovery finds by its row.
            await CleanUp.RunAsync(
                _options.Notice,
                $"pack {name}, which could not be begun,",
                () => writer?.DisposeAsync() ?? ValueTask.CompletedTask,
                () => _blobs.DeleteAsync(name),
                () => new ValueTask(_metadata.DeleteEmptyPackAsync(record.Id))).ConfigureAwait(false);
            throw;
        }
    }

    private async Task<bool> TrySealAsync(OpenPack pack)
    {
        long before = pack.Length;
        try
        {
            await pack.SealAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (BlobChangedException exception)
        {
            _options.Notice(exception.Message);
            await DropCurrentAsync().ConfigureAwait(false);
            return true;
        }
        catch when (pack.Length == before)
        {
            // No room for the footer: the pack stays open and gets it the next time. Its chunks are stored all the same.
            return false;
        }
        catch
        {
            await DropCurrentAsync().ConfigureAwait(false);
            throw;
        }

        _current = null;
        Interlocked.Increment(ref _flushes);
        Interlocked.Increment(ref _packsSealed);
        await _metadata.SealPackAsync(pack.Record.Id, _options.Owner, pack.Length).ConfigureAwait(false);
        return true;
    }

    /// <summary>Leaves the open pack to recovery, here or on another server.</summary>
    private async Task DropCurrentAsync()
    {
        if (_current is not { } pack)
        {
            return;
        }

        _current = null;
        await pack.DisposeAsync().ConfigureAwait(false);
        try
        {
            await _metadata.ReleasePackAsync(pack.Record.Id, _options.Owner).ConfigureAwait(false);
        }
        catch (MetadataUnavailableException exception)
        {
            _options.Notice($"The open pack could not be released, its lease will run out: {exception.Message}");
        }
    }

    private sealed class Job(StoreId store, IReadOnlyList<ChunkUpload> chunks)
    {
        public StoreId Store { get; } = store;

        public IReadOnlyList<ChunkUpload> Chunks { get; } = chunks;

        public int Stored { get; set; }

        public long StoredBytes { get; set; }

        public TaskCompletionSource<StoreChunksResult> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
