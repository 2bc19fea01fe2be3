using System.Threading.Channels;
using System.Threading.RateLimiting;
using NixFuseStore.Storage.Base;
using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Packs;

namespace NixFuseStore.Storage.Chunks;

/// <summary>
/// Chunks in packs: what a server process stores and reads chunks with. It keeps one open pack and writes in groups, so that all
/// who store at the same time share one flush. All calls may overlap. Owns neither of the two stores below it.
/// </summary>
public sealed partial class ChunkStore : IAsyncDisposable
{
    private readonly IMetadataStore _metadata;
    private readonly IBlobStore _blobs;
    private readonly ChunkStoreOptions _options;
    private readonly PackRecovery _recovery;
    private readonly PackReader _packs;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Channel<Job> _jobs = Channel.CreateUnbounded<Job>(new UnboundedChannelOptions { SingleReader = true });
    private Task _writing = Task.CompletedTask;
    private Task _keeping = Task.CompletedTask;

    private ChunkStore(IMetadataStore metadata, IBlobStore blobs, PackReader packs, ChunkStoreOptions options)
    {
        _metadata = metadata;
        _blobs = blobs;
        _options = options;
        _recovery = new PackRecovery(metadata, blobs, options);
        _packs = packs;
        Verifier = new ChunkVerifier(metadata, packs, options.Notice);
        _budgetUnits = Math.Max(1, options.QueueBytesMax / BudgetUnit);
        _budget = new ConcurrencyLimiter(new ConcurrencyLimiterOptions
        {
            PermitLimit = _budgetUnits,
            QueueLimit = int.MaxValue,
            QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
        });
    }

    /// <summary>Looks into chunks that are not what they should be.</summary>
    public ChunkVerifier Verifier { get; }

    /// <summary>What it has done so far.</summary>
    public ChunkStoreCounters Counters => new(
        Volatile.Read(ref _packsCreated),
        Volatile.Read(ref _packsSealed),
        Volatile.Read(ref _flushes),
        Volatile.Read(ref _chunksStored),
        Volatile.Read(ref _bytesStored),
        Volatile.Read(ref _reads),
        Volatile.Read(ref _bytesRead));

    /// <summary>Opens the store and recovers packs that crashed servers left open.</summary>
    /// <exception cref="BlobStoreUnavailableException">The blob store is not there, or not that of the database.</exception>
    public static async Task<ChunkStore> OpenAsync(
        IMetadataStore metadata, IBlobStore blobs, ChunkStoreOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        ArgumentNullException.ThrowIfNull(blobs);
        options ??= new ChunkStoreOptions();
        var packs = await PackReader.OpenAsync(metadata, blobs, options.Notice, cancellationToken).ConfigureAwait(false);
        var store = new ChunkStore(metadata, blobs, packs, options);
        store._current = await store._recovery.RunAsync(keepOne: true, cancellationToken).ConfigureAwait(false);
        store._writing = Task.Run(store.WriteAllAsync, CancellationToken.None);
        store._keeping = Task.Run(store.KeepLeasesAsync, CancellationToken.None);
        return store;
    }

    /// <summary>Ends writing; the open pack is left for the next server to go on with.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_jobs.Writer.TryComplete())
        {
            return;
        }

        // 1. What is queued is still written.
        await _writing.ConfigureAwait(false);
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _keeping.ConfigureAwait(false);

        // 2. The open pack is free at once.
        await DropCurrentAsync().ConfigureAwait(false);
        _stopping.Dispose();
        _budget.Dispose();
        Verifier.Dispose();
    }

    /// <summary>Renews the lease of the open pack, and takes care of packs whose servers are gone; without it the store would lose its packs.</summary>
    private Task KeepLeasesAsync()
    {
        var (isFirst, renewals) = (true, 0);
        return SupervisedLoop.RunAsync(
            "renewing the lease of the open pack",
            async stopping =>
            {
                if (isFirst)
                {
                    // A pack that was just opened has its lease.
                    isFirst = false;
                    return;
                }

                await _metadata.RenewPackLeasesAsync(_options.Owner, _options.PackLease, stopping).ConfigureAwait(false);
                if (++renewals % 4 == 0)
                {
                    await _recovery.RunAsync(keepOne: false, stopping).ConfigureAwait(false);
                }
            },
            _options.PackLease / 4,
            _options.TimeProvider,

            // Should the lease run out, the pack is given up when it is next written.
            (loop, reason) => _options.Notice($"{loop} failed, and is tried again: {reason}"),
            _stopping.Token);
    }
}
