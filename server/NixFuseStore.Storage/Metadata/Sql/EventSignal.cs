namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>
/// Wakes those who wait for events: at once for commits of this process, by the database's notification for others, and by asking
/// twice a second where both fail. Asks only while there are waiters.
/// </summary>
internal sealed class EventSignal(
    SqlDialect dialect, Func<CancellationToken, Task<IReadOnlyList<(StoreId Store, EventPosition Head)>>> readHeads) : IAsyncDisposable
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(400);

    /// <summary>While the database does not answer, pauses double up to this.</summary>
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(3);

    // Guards the three fields below it.
    private readonly Lock _gate = new();
    private readonly Dictionary<StoreId, Entry> _entries = [];
    private long _changes;
    private Task? _loops;

    private readonly CancellationTokenSource _stopping = new();
    private int _waiting;

    /// <summary>Notes a store's newest event.</summary>
    public void Advance(StoreId store, EventPosition head) => Advance(store, head, long.MaxValue);

    public async Task WaitAsync(StoreId store, EventPosition after, TimeSpan timeout, CancellationToken cancellationToken)
    {
        Task moved;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopping.IsCancellationRequested, this);
            var entry = GetEntry(store);
            if (entry.Head is { } head && head != after)
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
            await loops.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _stopping.Dispose();
    }

    /// <summary>
    /// Notes a head that was read from <paramref name="readAt"/> on. One that has come in otherwise since then is newer, or at least not older;
    /// the next poll tells. A head may be lower than the one before: a database that was restored.
    /// </summary>
    private void Advance(StoreId store, EventPosition head, long readAt)
    {
        TaskCompletionSource? woken = null;
        lock (_gate)
        {
            var entry = GetEntry(store);
            if (entry.Head != head && entry.ChangedAt <= readAt)
            {
                entry.Head = head;
                entry.ChangedAt = ++_changes;
                woken = entry.Moved;
                entry.Moved = NewSource();
            }
        }

        woken?.TrySetResult();
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
        var pause = PollInterval;
        while (!_stopping.IsCancellationRequested)
        {
            await Task.Delay(pause, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (Volatile.Read(ref _waiting) == 0 || _stopping.IsCancellationRequested)
            {
                continue;
            }

            try
            {
                long readAt;
                lock (_gate)
                {
                    readAt = _changes;
                }

                foreach (var (store, head) in await readHeads(_stopping.Token).ConfigureAwait(false))
                {
                    Advance(store, head, readAt);
                }

                pause = PollInterval;
            }
#pragma warning disable CA1031 // this loop must go on whatever happens: without it a server without notifications tells no news
            catch (Exception exception)
#pragma warning restore CA1031
            {
                // The database is away: those who wait are told, and the next round asks again.
                Fail(exception);
                pause = Longer(pause);
            }
        }
    }

    private void Fail(Exception exception)
    {
        var failed = new List<TaskCompletionSource>();
        lock (_gate)
        {
            foreach (var entry in _entries.Values)
            {
                failed.Add(entry.Moved);
                entry.Moved = NewSource();
            }
        }

        foreach (var source in failed)
        {
            source.TrySetException(exception);

            // Observed here, since there may be no waiter.
            _ = source.Task.Exception;
        }
    }

    private async Task ListenAsync()
    {
        var pause = PollInterval;
        while (!_stopping.IsCancellationRequested)
        {
            long started = Environment.TickCount64;
            try
            {
                await dialect.ListenAsync(Advance, _stopping.Token).ConfigureAwait(false);
            }
#pragma warning disable CA1031 // listening only makes waiting shorter; until it works again, polling serves
            catch (Exception)
#pragma warning restore CA1031
            {
                pause = Environment.TickCount64 - started > PauseMax.TotalMilliseconds ? PollInterval : Longer(pause);
            }

            await Task.Delay(pause, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Twice the pause, and a random part more, so that servers that lost the same database do not return all at once.</summary>
    private static TimeSpan Longer(TimeSpan pause) =>
        (pause * 2 < PauseMax ? pause * 2 : PauseMax) * (0.75 + (Random.Shared.NextDouble() / 2));

    private sealed class Entry
    {
        /// <summary>Null until it is known.</summary>
        public EventPosition? Head { get; set; }

        public long ChangedAt { get; set; }

        public required TaskCompletionSource Moved { get; set; }
    }
}
