using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Events.</content>
internal sealed partial class SqlMetadataStore
{
    /// <summary>Of a row <c>s</c> of <c>stores</c>: the id of its newest event; null before the first.</summary>
    private const string HeadId = "(SELECT h.id FROM events h WHERE h.store = s.id AND h.number = s.last_event)";

    /// <inheritdoc/>
    public Task<EventPosition> GetHeadEventAsync(StoreId store, CancellationToken cancellationToken) => ReadAsync(
        async session =>
        {
            var heads = await session.QueryAsync(
                new SqlText($"SELECT s.last_event, {HeadId} FROM stores s WHERE s.id = @store", ("@store", store.Value)),
                static reader => new EventPosition((ulong)reader.GetInt64(0), ReadEventId(reader, 1)),
                cancellationToken).ConfigureAwait(false);
            return heads.Count > 0 ? heads[0] : default;
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task<EventPage> ReadEventsAsync(StoreId store, EventPosition after, int limit, CancellationToken cancellationToken) => ReadAsync(
        async session =>
        {
            // 1. The events first: those that are trimmed meanwhile show in the bounds read behind them.
            var batch = new SqlBatch();
            var events = new List<StoreEvent>();
            long number = (long)Math.Min(after.Number, long.MaxValue);
            batch.Query(
                new SqlText(
                    "SELECT number, id, kind, base_name FROM events WHERE store = @store AND number > @after ORDER BY number LIMIT @limit",
                    ("@store", store.Value),
                    ("@after", number),
                    ("@limit", limit)),
                reader => events.Add(new StoreEvent(
                    (ulong)reader.GetInt64(0),
                    ReadEventId(reader, 1),
                    (StoreEventKind)reader.GetInt32(2),
                    StorePath.ParseBaseName(reader.GetString(3)))));

            // 2. Then what is known at all, and whether the asker's last event is one of this database's history.
            EventPosition head = default;
            ulong trimmed = 0;
            StoreEventId known = default;
            batch.Query(
                new SqlText(
                    $"""
                    SELECT s.last_event, {HeadId}, s.trimmed_event,
                      (SELECT e.id FROM events e WHERE e.store = s.id AND e.number = @after)
                    FROM stores s WHERE s.id = @store
                    """,
                    ("@after", number),
                    ("@store", store.Value)),
                reader => (head, trimmed, known) =
                    (new EventPosition((ulong)reader.GetInt64(0), ReadEventId(reader, 1)), (ulong)reader.GetInt64(2), ReadEventId(reader, 3)));
            await session.RunAsync(batch, cancellationToken).ConfigureAwait(false);
            bool resync = after.Number < trimmed || after.Number > head.Number || after.Id != known;
            return new EventPage(resync ? [] : events, head, resync);
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task WaitForEventsAsync(StoreId store, EventPosition after, TimeSpan timeout, CancellationToken cancellationToken) =>
        _signal.WaitAsync(store, after, timeout, cancellationToken);

    private async Task<IReadOnlyList<(StoreId Store, EventPosition Head)>> ReadHeadsAsync(CancellationToken cancellationToken) => await ReadAsync(
        session => session.QueryAsync(
            $"SELECT s.id, s.last_event, {HeadId} FROM stores s",
            static reader => (new StoreId(reader.GetInt32(0)), new EventPosition((ulong)reader.GetInt64(1), ReadEventId(reader, 2))),
            cancellationToken),
        cancellationToken).ConfigureAwait(false);

    private static StoreEventId ReadEventId(System.Data.Common.DbDataReader reader, int column) =>
        reader.IsDBNull(column) ? default : StoreEventId.Read(reader.GetBytes(column));

    /// <summary>
    /// Takes the store's row, which stays locked until the transaction ends: event numbers are given out under this lock, so they ascend in
    /// the order of commits, and everything that registers or removes in one store happens one after the other.
    /// </summary>
    /// <returns>The number of the newest event.</returns>
    private async Task<ulong> LockStoreAsync(SqlSession session, StoreId store, CancellationToken cancellationToken) =>
        (ulong)(await session.ScalarAsync(LockStore(store), cancellationToken).ConfigureAwait(false) ?? throw NoStore(store)).ToInt64();

    private SqlText LockStore(StoreId store) =>
        new($"SELECT last_event FROM stores WHERE id = @store{_dialect.ForUpdate}", ("@store", store.Value));

    private static ArgumentException NoStore(StoreId store) => new($"There is no store number {store}.", nameof(store));

    /// <summary>Writes events with the numbers behind <paramref name="head"/>, forgets old ones, and wakes waiters on commit.</summary>
    /// <returns>The new head.</returns>
    private async Task<EventPosition> AppendEventsAsync(
        SqlSession session, StoreId store, ulong head, StoreEventKind kind, StorePath[] paths, CancellationToken cancellationToken)
    {
        var batch = new SqlBatch();
        var newHead = AddEvents(batch, store, head, kind, paths);
        await session.RunAsync(batch, cancellationToken).ConfigureAwait(false);
        return newHead;
    }

    private EventPosition AddEvents(SqlBatch batch, StoreId store, ulong head, StoreEventKind kind, StorePath[] paths)
    {
        // 1. The events. A transaction is restored as a whole or not at all, so one id serves all that it writes.
        var newHead = new EventPosition(head + (ulong)paths.Length, StoreEventId.Create());
        batch.ExecuteRows(
            new SqlText(
                "INSERT INTO events (store, number, id, kind, base_name) SELECT @store, @head + 1 + r.ord, @id, @kind, r.name FROM {rows}",
                ("@store", store.Value),
                ("@head", (long)head),
                ("@id", newHead.Id.ToArray()),
                ("@kind", (int)kind)),
            new RowSet(paths.Length).Text("name", Array.ConvertAll(paths, path => path.BaseName)));
        batch.Execute(
            new SqlText("UPDATE stores SET last_event = @head WHERE id = @store", ("@head", (long)newHead.Number), ("@store", store.Value)));

        // 2. What is too old goes, a tenth of the retention at a time. The newest of these stays, for the id of those who stand there.
        long step = Math.Max(1, _eventsKept / 10);
        if ((long)newHead.Number / step != (long)head / step && (long)newHead.Number > _eventsKept)
        {
            long trimmed = (long)newHead.Number - _eventsKept;
            batch.Execute(
                new SqlText("DELETE FROM events WHERE store = @store AND number < @trimmed", ("@store", store.Value), ("@trimmed", trimmed)));
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
