using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Events.</content>
internal sealed partial class SqlMetadataStore
{
    /// <inheritdoc/>
    public Task<ulong> GetHeadEventAsync(StoreId store, CancellationToken cancellationToken) => ReadAsync(
        async session => (ulong)(await session.ScalarAsync(
            new SqlText("SELECT last_event FROM stores WHERE id = @store", ("@store", store.Value)), cancellationToken)
            .ConfigureAwait(false)).ToInt64(),
        cancellationToken);

    /// <inheritdoc/>
    public Task<EventPage> ReadEventsAsync(StoreId store, ulong after, int limit, CancellationToken cancellationToken) => ReadAsync(
        async session =>
        {
            // 1. The events first: those that are trimmed meanwhile show in the bounds read behind them.
            var batch = new SqlBatch();
            var events = new List<StoreEvent>();
            batch.Query(
                new SqlText(
                    "SELECT number, kind, base_name FROM events WHERE store = @store AND number > @after ORDER BY number LIMIT @limit",
                    ("@store", store.Value),
                    ("@after", (long)Math.Min(after, long.MaxValue)),
                    ("@limit", limit)),
                reader => events.Add(new StoreEvent(
                    (ulong)reader.GetInt64(0), (StoreEventKind)reader.GetInt32(1), StorePath.ParseBaseName(reader.GetString(2)))));

            // 2. Then what is known at all.
            ulong head = 0, trimmed = 0;
            batch.Query(
                new SqlText("SELECT last_event, trimmed_event FROM stores WHERE id = @store", ("@store", store.Value)),
                reader => (head, trimmed) = ((ulong)reader.GetInt64(0), (ulong)reader.GetInt64(1)));
            await session.RunAsync(batch, cancellationToken).ConfigureAwait(false);
            bool resync = after < trimmed || after > head;
            return new EventPage(resync ? [] : events, head, resync);
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task WaitForEventsAsync(StoreId store, ulong after, TimeSpan timeout, CancellationToken cancellationToken) =>
        _signal.WaitAsync(store, after, timeout, cancellationToken);

    private async Task<IReadOnlyList<(StoreId Store, ulong Head)>> ReadHeadsAsync(CancellationToken cancellationToken) => await ReadAsync(
        session => session.QueryAsync(
            "SELECT id, last_event FROM stores",
            reader => (new StoreId(reader.GetInt32(0)), (ulong)reader.GetInt64(1)),
            cancellationToken),
        cancellationToken).ConfigureAwait(false);

    /// <summary>
    /// Takes the store's row, which stays locked until the transaction ends: whoever gives out event numbers holds it, so numbers
    /// ascend in the order of commits and everything that registers or removes in one store happens one after the other.
    /// </summary>
    private async Task<ulong> LockStoreAsync(SqlSession session, StoreId store, CancellationToken cancellationToken) =>
        (ulong)(await session.ScalarAsync(LockStore(store), cancellationToken).ConfigureAwait(false) ?? throw NoStore(store)).ToInt64();

    private SqlText LockStore(StoreId store) =>
        new($"SELECT last_event FROM stores WHERE id = @store{_dialect.ForUpdate}", ("@store", store.Value));

    private static ArgumentException NoStore(StoreId store) => new($"There is no store number {store}.", nameof(store));

    /// <summary>Writes events with the numbers behind <paramref name="head"/>, forgets old ones, and wakes waiters on commit. Returns the new head.</summary>
    private async Task<ulong> AppendEventsAsync(
        SqlSession session, StoreId store, ulong head, StoreEventKind kind, StorePath[] paths, CancellationToken cancellationToken)
    {
        var batch = new SqlBatch();
        ulong newHead = AddEvents(batch, store, head, kind, paths);
        await session.RunAsync(batch, cancellationToken).ConfigureAwait(false);
        return newHead;
    }

    private ulong AddEvents(SqlBatch batch, StoreId store, ulong head, StoreEventKind kind, StorePath[] paths)
    {
        // 1. The events.
        ulong newHead = head + (ulong)paths.Length;
        batch.ExecuteRows(
            new SqlText(
                "INSERT INTO events (store, number, kind, base_name) SELECT @store, @head + 1 + r.ord, @kind, r.name FROM {rows}",
                ("@store", store.Value),
                ("@head", (long)head),
                ("@kind", (int)kind)),
            new RowSet(paths.Length).Text("name", Array.ConvertAll(paths, path => path.BaseName)));
        batch.Execute(
            new SqlText("UPDATE stores SET last_event = @head WHERE id = @store", ("@head", (long)newHead), ("@store", store.Value)));

        // 2. What is too old goes, a tenth of the retention at a time.
        long step = Math.Max(1, _eventsKept / 10);
        if ((long)newHead / step != (long)head / step && (long)newHead > _eventsKept)
        {
            long trimmed = (long)newHead - _eventsKept;
            batch.Execute(
                new SqlText("DELETE FROM events WHERE store = @store AND number <= @trimmed", ("@store", store.Value), ("@trimmed", trimmed)));
            batch.Execute(
                new SqlText("UPDATE stores SET trimmed_event = @trimmed WHERE id = @store", ("@trimmed", trimmed), ("@store", store.Value)));
        }

        // 3. The wake-up.
        if (_dialect.Notify(store, newHead) is { } notify)
        {
            batch.Query(notify, static _ => { });
        }

        return newHead;
    }
}
