namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Executions of builds and their leases.</content>
internal sealed partial class SqlMetadataStore
{
    /// <summary>How long what has ended is kept, for those who wait and come late.</summary>
    private const long EndedBuildMilliseconds = 600_000;

    /// <summary>Bytes of a log that lie in one row, and that a follower gets at once.</summary>
    private const int LogPartBytes = 256 << 10;

    private const string BuildColumns = "b.id, b.base_name, b.text_hash, b.timeout, b.max_silent_time, b.max_log_size, b.keep_failed, b.host, b.created, b.state";

    private string CountWaiters => $"(SELECT count(*) FROM build_waiters w WHERE w.build = b.id AND w.lease_until > {_dialect.NowMilliseconds})";

    /// <inheritdoc/>
    public Task<BuildClaim> ClaimBuildAsync(
        StoreId store, BuildRequest request, bool claims, bool mayTakeOver, TimeSpan lease, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        return WriteAsync(durable: claims, session => ClaimAsync(session, store, request, claims, mayTakeOver, lease, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<BuildRenewal?> RenewBuildAsync(
        StoreId store, long number, string owner, TimeSpan lease, long position, ReadOnlyMemory<byte> log, CancellationToken cancellationToken) =>
        WriteAsync(
            durable: false,
            async session =>
            {
                // An owner may say that it lives while its end is on the way, and after it.
                var build = await FindBuildAsync(session, store, number, owner, cancellationToken).ConfigureAwait(false);
                if (build is not { State: BuildState.Running })
                {
                    return build is { State: BuildState.Ended } ? new BuildRenewal(build.Waiters, build.LogBytes) : null;
                }

                long bytes = build.LogBytes;
                if (position == bytes && bytes + log.Length <= BuildLog.PlainBytesMax)
                {
                    bytes += await AddLogAsync(session, number, position, log, cancellationToken).ConfigureAwait(false);
                }

                await session.ExecuteAsync(
                    new SqlText(
                        $"UPDATE builds SET lease_until = {_dialect.NowMilliseconds} + @lease, log_bytes = @bytes WHERE id = @id",
                        ("@lease", (long)lease.TotalMilliseconds),
                        ("@bytes", bytes),
                        ("@id", number)),
                    cancellationToken).ConfigureAwait(false);
                return new BuildRenewal(build.Waiters, bytes);
            },
            cancellationToken);

    /// <inheritdoc/>
    public Task<bool> EndBuildAsync(StoreId store, BuildEnd ending, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(ending);
        return WriteAsync(durable: true, session => EndBuildAsync(session, store, ending, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<BuildProgress?> FollowBuildAsync(StoreId store, long number, long position, CancellationToken cancellationToken) => ReadAsync(
        async session =>
        {
            // The state first: what an end brings of the log is there then.
            var progress = await session.FirstAsync(
                new SqlText(
                    $"""
                    SELECT b.state, CASE WHEN b.state = 5 THEN {CountWaiters} > 0 ELSE b.lease_until > {_dialect.NowMilliseconds} END,
                      b.status, b.message, b.start_time, b.stop_time, b.log_bytes,
                      b.text_hash, b.timeout, b.max_silent_time, b.max_log_size, b.keep_failed, b.host
                    FROM builds b WHERE b.id = @id AND b.store = @store
                    """,
                    ("@id", number),
                    ("@store", store.Value)),
                static reader => new BuildProgress(
                    (BuildState)reader.GetInt32(0),
                    ReadFlag(reader, 1),
                    reader.GetInt32(2),
                    reader.GetString(3),
                    reader.GetInt64(4),
                    reader.GetInt64(5),
                    default,
                    reader.GetInt64(6),
                    reader.GetBytes(7),
                    ReadWishes(reader, 8),
                    reader.GetString(12)),
                cancellationToken).ConfigureAwait(false);
            if (progress is null || position >= progress.LogBytes)
            {
                return progress;
            }

            var parts = await session.QueryAsync(
                new SqlText(
                    "SELECT bytes FROM build_log_parts WHERE build = @id AND position >= @position ORDER BY position LIMIT 1",
                    ("@id", number),
                    ("@position", position)),
                static reader => reader.GetBytes(0),
                cancellationToken).ConfigureAwait(false);
            return parts.Count > 0 ? progress with { Log = parts[0] } : progress;
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task KeepWaitingAsync(StoreId store, long number, string waiter, TimeSpan lease, CancellationToken cancellationToken) => WriteAsync(
        durable: false,
        async session =>
        {
            // Only for one that is there: a foreign key cannot say to which store it belongs.
            if (await session.ScalarAsync(
                new SqlText("SELECT id FROM builds WHERE id = @id AND store = @store", ("@id", number), ("@store", store.Value)), cancellationToken)
                .ConfigureAwait(false) is not null)
            {
                await WaitAsync(session, number, waiter, lease, cancellationToken).ConfigureAwait(false);
                await session.ExecuteAsync(
                    new SqlText(
                        "DELETE FROM build_waiters WHERE build = @id AND waiter <> @waiter AND substr(@waiter, 1, length(waiter)) = waiter",
                        ("@id", number),
                        ("@waiter", waiter)),
                    cancellationToken).ConfigureAwait(false);
            }

            return true;
        },
        cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<RunningBuild>> ListBuildsAsync(StoreId store, CancellationToken cancellationToken) => await ReadAsync(
        session => session.QueryAsync(
            new SqlText(
                $"SELECT {BuildColumns}, {CountWaiters} FROM builds b WHERE b.store = @store AND b.ended IS NULL AND (b.state = 0 OR {CountWaiters} > 0) ORDER BY b.id",
                ("@store", store.Value)),
            ReadBuild,
            cancellationToken),
        cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public Task<bool> CancelBuildAsync(StoreId store, long number, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async session => await session.ExecuteAsync(
            new SqlText(
                $"UPDATE builds SET state = @state, ended = {_dialect.NowMilliseconds} WHERE id = @id AND store = @store AND ended IS NULL",
                ("@state", (int)BuildState.Cancelled),
                ("@id", number),
                ("@store", store.Value)),
            cancellationToken).ConfigureAwait(false) == 1,
        cancellationToken);

    /// <inheritdoc/>
    public async Task<RunningBuild?> TakeBuildAsync(StoreId store, BuildTaker taker, TimeSpan lease, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(taker);

        // 1. Those that it can build, the oldest first, and whose derivation it can read: one that was added just now may be on its host alone.
        // Which features a host has is compared here: there are few, and few steps want any.
        string[] systems = [.. taker.Systems];
        var waiting = await ReadAsync(
            session => session.QueryRowsAsync(
                new SqlText(
                    $$"""
                    SELECT b.id, b.features FROM {rows} CROSS JOIN builds b
                    WHERE b.store = @store AND b.state = 5 AND b.system = r.system AND b.asker <> @asker AND {{CountWaiters}} > 0
                      AND EXISTS (SELECT 1 FROM paths p WHERE p.store = b.store AND p.hash_part = substr(b.base_name, 1, 32))
                    """,
                    ("@store", store.Value),
                    ("@asker", taker.Asker)),
                new RowSet(systems.Length).Text("system", systems),
                static reader => (Number: reader.GetInt64(0), Features: reader.GetString(1)),
                cancellationToken),
            cancellationToken).ConfigureAwait(false);

        // 2. The first of them that no other has taken meanwhile.
        foreach (var (number, _) in waiting.Where(one => Split(one.Features).All(taker.Features.Contains)).OrderBy(static one => one.Number))
        {
            if (await WriteAsync(durable: true, session => TakeAsync(session, number, taker, lease, cancellationToken), cancellationToken)
                .ConfigureAwait(false) is { } taken)
            {
                return taken;
            }
        }

        return null;
    }

    private async Task<RunningBuild?> TakeAsync(SqlSession session, long number, BuildTaker taker, TimeSpan lease, CancellationToken cancellationToken)
    {
        var taken = await session.FirstAsync(
            new SqlText(
                $"SELECT {BuildColumns}, {CountWaiters} FROM builds b WHERE b.id = @id AND b.state = 5{_dialect.ForUpdateOfFree}", ("@id", number)),
            ReadBuild,
            cancellationToken).ConfigureAwait(false);
        if (taken is null)
        {
            return null;
        }

        await BeginBuildAsync(session, number, taker.Owner, taker.Host, taker.Asker, lease, cancellationToken).ConfigureAwait(false);
        return taken with { Host = taker.Host, IsQueued = false };
    }

    private async Task<BuildClaim> ClaimAsync(
        SqlSession session, StoreId store, BuildRequest request, bool claims, bool mayTakeOver, TimeSpan lease, CancellationToken cancellationToken)
    {
        await ClearBuildsAsync(session, store, cancellationToken).ConfigureAwait(false);
        while (true)
        {
            var open = await FindOpenBuildAsync(session, store, request, cancellationToken).ConfigureAwait(false);

            // 1. Its own, whose answer was lost; or another's, unless that has not been heard for too long.
            if (open is { Build.IsQueued: false, IsAskers: true } && claims)
            {
                await BeginBuildAsync(session, open.Build.Number, request.Owner, request.Host, request.Asker, lease, cancellationToken).ConfigureAwait(false);
                return new BuildClaim(open.Build.Number, null);
            }

            if (open is { Build.IsQueued: false } && (open.IsAlive || !mayTakeOver))
            {
                await WaitAsync(session, open.Build.Number, request.Asker, lease, cancellationToken).ConfigureAwait(false);
                return new BuildClaim(0, open.Build);
            }

            // 2. No execution is under way: one may have ended just before, and its outputs are seen here.
            if (open is null or { Build.IsQueued: true } && await AreBuiltAsync(session, store, request, cancellationToken).ConfigureAwait(false))
            {
                return new BuildClaim(0, null, IsValid: true);
            }

            // 3. Who is not ready waits for a host that is. An owner that has not been heard may be back before anyone takes over.
            if (!claims && open is { Build.IsQueued: true })
            {
                await WaitAsync(session, open.Build.Number, request.Asker, lease, cancellationToken).ConfigureAwait(false);
                return new BuildClaim(0, open.Build);
            }

            if (!claims && (open is not null || request.Offered is null))
            {
                return new BuildClaim(0, null);
            }

            // 4. Who is ready builds what waits for a host, or under a number of its own.
            if (open is { Build.IsQueued: true })
            {
                await AskAsync(session, open.Build.Number, request, cancellationToken).ConfigureAwait(false);
                await BeginBuildAsync(session, open.Build.Number, request.Owner, request.Host, request.Asker, lease, cancellationToken).ConfigureAwait(false);
                return new BuildClaim(open.Build.Number, null);
            }

            if (open is not null)
            {
                await session.ExecuteAsync(
                    new SqlText(
                        $"UPDATE builds SET state = @state, ended = {_dialect.NowMilliseconds} WHERE id = @id",
                        ("@state", (int)BuildState.Lost),
                        ("@id", open.Build.Number)),
                    cancellationToken).ConfigureAwait(false);
            }

            // Another may be quicker, who is found then.
            var state = claims ? BuildState.Running : BuildState.Queued;
            if (await InsertBuildAsync(session, store, request, state, lease, cancellationToken).ConfigureAwait(false) is { } number && claims)
            {
                return new BuildClaim(number.ToInt64(), null);
            }
        }
    }
}
