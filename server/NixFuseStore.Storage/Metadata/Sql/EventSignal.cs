namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>
/// Wakes those who wait for events: at once for commits of this process, by the database's notification for others, and by asking
/// twice a second where both fail. Asks only while somebody waits.
/// </summary>
internal sealed class EventSignal(
    SqlDialect dialect, Func<CancellationToken, Task<IReadOnlyList<(StoreId Store, ulong Head)>>> readHeads) : IAsyncDisposable
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan ListenAgainAfter = TimeSpan.FromSeconds(1);

    // Guards the two fields below it.
    private readonly Lock _gate = new();
    private readonly Dictionary<StoreId, Entry> _entries = [];
    private Task? _loops;

    private readonly CancellationTokenSource _stopping = new();
    private int _waiting;

    /// <summary>Notes that a store's events reach up to a number.</summary>
    public void Advance(StoreId store, ulong head)
    {
        TaskCompletionSource? woken = null;
        lock (_gate)
        {
            var entry = GetEntry(store);
            if (head > entry.Head)
            {
                entry.Head = head;
                woken = entry.Moved;
                entry.Moved = NewSource();
            }
        }

        woken?.TrySetResult();
    }

    public async Task WaitAsync(StoreId store, ulong after, TimeSpan timeout, CancellationToken cancellationToken)
    {
        Task moved;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopping.IsCancellationRequested, this);
            var entry = GetEntry(store);
            if (entry.Head > after)
            {
                return;
            }

            moved = entry.Moved.Task;
            _loops ??= Task.WhenAll(Task.Run(PollAsync, CancellationToken.None), Task.Run(ListenAsync, CancellationToken.None));
        }

        Interlocked.Increment(ref _waiting);
        try
        {
            await moved.WaitAsync(timeout, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // The time is over: that is one of the two ways to return.
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Task? loops;
        lock (_gate)
        {
            if (_stopping.IsCancellationRequested)
            {
                return;
            }

            _stopping.Cancel();
            loops = _loops;
            foreach (var entry in _entries.Values)
            {
                entry.Moved.TrySetResult();
            }
        }

        if (loops is not null)
        {
            await loops.ConfigureAwait(false);
        }

        _stopping.Dispose();
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Entry GetEntry(StoreId store)
    {
        if (!_entries.TryGetValue(store, out var entry))
        {
            _entries[store] = entry = new Entry { Moved = NewSource() };
        }

        return entry;
    }

    private async Task PollAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(PollInterval, _stopping.Token).ConfigureAwait(false);
                if (Volatile.Read(ref _waiting) == 0)
                {
                    continue;
                }

                foreach (var (store, head) in await readHeads(_stopping.Token).ConfigureAwait(false))
                {
                    Advance(store, head);
                }
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                return;
            }
            catch (MetadataUnavailableException)
            {
                // The database is away; the next round asks again, and whoever reads events learns of it by itself.
            }
        }
    }

    private async Task ListenAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                await dialect.ListenAsync(Advance, _stopping.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception) when (dialect.WhyUnavailable(exception) is not null)
            {
                // Listening only makes waiting shorter; until it works again, polling serves.
                await Task.Delay(ListenAgainAfter, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private sealed class Entry
    {
        public ulong Head { get; set; }

        public required TaskCompletionSource Moved { get; set; }
    }
}
