using System.Data.Common;
using System.Globalization;
using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Executions of builds and their leases.</content>
internal sealed partial class SqlMetadataStore
{
    /// <summary>How long what has ended is kept, for those who wait and come late.</summary>
    private const long EndedBuildMilliseconds = 600_000;

    /// <summary>Bytes of a log that lie in one row, and that a follower gets at once.</summary>
    private const int LogPartBytes = 256 << 10;

    /// <summary>Steps among which one is looked for that a host can build.</summary>
    private const int TakenFromMax = 100;

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
                if (position == bytes)
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
            var parts = await session.QueryAsync(
                new SqlText(
                    "SELECT bytes FROM build_log_parts WHERE build = @id AND position >= @position ORDER BY position LIMIT 1",
                    ("@id", number),
                    ("@position", position)),
                static reader => reader.GetBytes(0),
                cancellationToken).ConfigureAwait(false);
            return await session.FirstAsync(
                new SqlText(
                    $"""
                    SELECT state, lease_until > {_dialect.NowMilliseconds}, status, message, start_time, stop_time, log_bytes
                    FROM builds WHERE id = @id AND store = @store
                    """,
                    ("@id", number),
                    ("@store", store.Value)),
                reader => new BuildProgress(
                    (BuildState)reader.GetInt32(0),
                    ReadFlag(reader, 1),
                    reader.GetInt32(2),
                    reader.GetString(3),
                    reader.GetInt64(4),
                    reader.GetInt64(5),
                    parts.Count > 0 ? parts[0] : default,
                    reader.GetInt64(6)),
                cancellationToken).ConfigureAwait(false);
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
            }

            return true;
        },
        cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<RunningBuild>> ListBuildsAsync(StoreId store, CancellationToken cancellationToken) => await ReadAsync(
        session => session.QueryAsync(
            new SqlText(
                $"SELECT {BuildColumns}, {CountWaiters} FROM builds b WHERE b.store = @store AND b.ended IS NULL AND (b.state = 0 OR b.lease_until > {_dialect.NowMilliseconds}) ORDER BY b.id",
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
    public async Task<bool> HasQueuedBuildsAsync(StoreId store, CancellationToken cancellationToken) => await ReadAsync(
        session => session.ScalarAsync(
            new SqlText("SELECT 1 FROM builds WHERE store = @store AND state = 5 LIMIT 1", ("@store", store.Value)), cancellationToken),
        cancellationToken).ConfigureAwait(false) is not null;

    /// <inheritdoc/>
    public Task<RunningBuild?> TakeBuildAsync(StoreId store, BuildTaker taker, TimeSpan lease, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(taker);
        return WriteAsync(
            durable: true,
            async session =>
            {
                // 1. The oldest that it can build, and whose derivation it can read: one that was added just now may be on its host alone. Which features a host has is compared here: there are few, and few steps want any.
                var waiting = await session.QueryAsync(
                    new SqlText(
                        $"""
                        SELECT {BuildColumns}, {CountWaiters}, b.system, b.features FROM builds b
                        WHERE b.store = @store AND b.state = 5 AND b.lease_until > {_dialect.NowMilliseconds} AND b.asker <> @asker
                          AND EXISTS (SELECT 1 FROM paths p WHERE p.store = b.store AND p.hash_part = substr(b.base_name, 1, 32))
                        ORDER BY b.id LIMIT {TakenFromMax}{_dialect.ForUpdateOfFree}
                        """,
                        ("@store", store.Value),
                        ("@asker", taker.Waiter)),
                    static reader => (Build: ReadBuild(reader), System: reader.GetString(11), Features: reader.GetString(12)),
                    cancellationToken).ConfigureAwait(false);
                if (waiting.Find(one => taker.Systems.Contains(one.System) && Split(one.Features).All(taker.Features.Contains)).Build is not { } taken)
                {
                    return null;
                }

                // 2. Its own.
                await BeginBuildAsync(session, taken.Number, taker.Owner, taker.Host, lease, cancellationToken).ConfigureAwait(false);
                return taken with { Host = taker.Host, IsQueued = false };
            },
            cancellationToken);
    }

    private async Task<BuildClaim> ClaimAsync(
        SqlSession session, StoreId store, BuildRequest request, bool claims, bool mayTakeOver, TimeSpan lease, CancellationToken cancellationToken)
    {
        await ClearBuildsAsync(session, store, cancellationToken).ConfigureAwait(false);
        while (true)
        {
            // 1. Whoever builds it, unless it has not been heard for too long.
            var open = await FindOpenBuildAsync(session, store, request, cancellationToken).ConfigureAwait(false);
            if (open is { Build.IsQueued: false } && (open.IsAlive || !mayTakeOver))
            {
                await WaitAsync(session, open.Build.Number, request.Waiter, lease, cancellationToken).ConfigureAwait(false);
                return new BuildClaim(0, open.Build);
            }

            if (open is { Build.IsQueued: false })
            {
                await session.ExecuteAsync(
                    new SqlText(
                        $"UPDATE builds SET state = @state, ended = {_dialect.NowMilliseconds} WHERE id = @id",
                        ("@state", (int)BuildState.Lost),
                        ("@id", open.Build.Number)),
                    cancellationToken).ConfigureAwait(false);
                open = null;
            }

            // 2. Else the caller, under a number of its own; or it waits for a host that is ready.
            if (claims && open is not null)
            {
                await AskAsync(session, open.Build.Number, request, lease, cancellationToken).ConfigureAwait(false);
                await BeginBuildAsync(session, open.Build.Number, request.Owner, request.Host, lease, cancellationToken).ConfigureAwait(false);
                return new BuildClaim(open.Build.Number, null);
            }

            if (!claims && open is not null)
            {
                if (request.Offered is not null)
                {
                    await AskAsync(session, open.Build.Number, request, lease, cancellationToken).ConfigureAwait(false);
                }

                await WaitAsync(session, open.Build.Number, request.Waiter, lease, cancellationToken).ConfigureAwait(false);
                return new BuildClaim(0, null);
            }

            if (!claims && request.Offered is null)
            {
                return new BuildClaim(0, null);
            }

            // Another may have been quicker, who is found then.
            if (await InsertBuildAsync(session, store, request, claims ? BuildState.Running : BuildState.Queued, lease, cancellationToken)
                .ConfigureAwait(false) is { } number)
            {
                if (!claims)
                {
                    await WaitAsync(session, number.ToInt64(), request.Waiter, lease, cancellationToken).ConfigureAwait(false);
                }

                return new BuildClaim(claims ? number.ToInt64() : 0, null);
            }
        }
    }

    private Task<Holder?> FindOpenBuildAsync(SqlSession session, StoreId store, BuildRequest request, CancellationToken cancellationToken) =>
        session.FirstAsync(
            new SqlText(
                $"""
                SELECT {BuildColumns}, {CountWaiters}, b.lease_until > {_dialect.NowMilliseconds} FROM builds b
                WHERE b.store = @store AND b.outputs_key = @key AND b.ended IS NULL{_dialect.ForUpdate}
                """,
                ("@store", store.Value),
                ("@key", request.OutputsKey.ToArray())),
            static reader => new Holder(ReadBuild(reader), ReadFlag(reader, 11)),
            cancellationToken);

    private Task<int> BeginBuildAsync(SqlSession session, long number, string owner, string host, TimeSpan lease, CancellationToken cancellationToken) =>
        session.ExecuteAsync(
            new SqlText(
                $"UPDATE builds SET state = 0, owner = @owner, host = @host, lease_until = {_dialect.NowMilliseconds} + @lease WHERE id = @id",
                ("@owner", owner),
                ("@host", host),
                ("@lease", (long)lease.TotalMilliseconds),
                ("@id", number)),
            cancellationToken);

    /// <summary>What waits for a host is wanted in the way that the last who asked wants it.</summary>
    private Task<int> AskAsync(SqlSession session, long number, BuildRequest request, TimeSpan lease, CancellationToken cancellationToken) =>
        session.ExecuteAsync(
            new SqlText(
                $"""
                UPDATE builds SET base_name = @name, text_hash = @text, timeout = @timeout, max_silent_time = @silent, max_log_size = @log,
                  keep_failed = @keep, asker = @asker, system = @system, features = @features, lease_until = {_dialect.NowMilliseconds} + @lease
                WHERE id = @id
                """,
                [.. Asked(request, lease), ("@id", number)]),
            cancellationToken);

    private Task<object?> InsertBuildAsync(
        SqlSession session, StoreId store, BuildRequest request, BuildState state, TimeSpan lease, CancellationToken cancellationToken) =>
        session.ScalarAsync(
            new SqlText(
                $"""
                INSERT INTO builds (
                  store, outputs_key, base_name, text_hash, timeout, max_silent_time, max_log_size, keep_failed, owner, host, asker, system, features,
                  state, lease_until, created)
                VALUES (
                  @store, @key, @name, @text, @timeout, @silent, @log, @keep, @owner, @host, @asker, @system, @features,
                  @state, {_dialect.NowMilliseconds} + @lease, @now)
                ON CONFLICT DO NOTHING RETURNING id
                """,
                [
                    .. Asked(request, lease),
                    ("@store", store.Value),
                    ("@key", request.OutputsKey.ToArray()),
                    ("@owner", request.Owner),
                    ("@host", request.Host),
                    ("@state", (int)state),
                    ("@now", NowSeconds()),
                ]),
            cancellationToken);

    private static (string Name, object? Value)[] Asked(BuildRequest request, TimeSpan lease) =>
    [
        ("@name", request.Derivation.BaseName),
        ("@text", request.TextHash.ToArray()),
        ("@timeout", (long)request.Wishes.Timeout),
        ("@silent", (long)request.Wishes.MaxSilentTime),
        ("@log", (long)request.Wishes.MaxLogSize),
        ("@keep", request.Wishes.KeepFailed ? 1 : 0),
        ("@asker", request.Waiter),
        ("@system", request.Offered?.System ?? ""),
        ("@features", string.Join(' ', request.Offered?.Features ?? [])),
        ("@lease", (long)lease.TotalMilliseconds),
    ];

    private static string[] Split(string features) => features.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>False where the execution is not the caller's any more.</summary>
    private async Task<bool> EndBuildAsync(SqlSession session, StoreId store, BuildEnd ending, CancellationToken cancellationToken)
    {
        // 1. Whose it is. Who asks once more because no answer came has what it wants.
        var build = await FindBuildAsync(session, store, ending.Number, ending.Owner, cancellationToken).ConfigureAwait(false);
        if (build is not { State: BuildState.Running })
        {
            return build?.State == ending.State;
        }

        // 2. The rest of the log, for those who wait or did: one whose connection broke is back in a moment.
        long bytes = build.LogBytes;
        if (build.WasWaitedFor && bytes < ending.Log.Length)
        {
            bytes += await AddLogAsync(session, ending.Number, bytes, ending.Log[(int)bytes..], cancellationToken).ConfigureAwait(false);
        }

        // 3. The result.
        await session.ExecuteAsync(
            new SqlText(
                $"""
                UPDATE builds SET state = @state, ended = {_dialect.NowMilliseconds}, status = @status, message = @message,
                  start_time = @start, stop_time = @stop, log_bytes = @bytes WHERE id = @id
                """,
                ("@state", (int)ending.State),
                ("@status", ending.Status),
                ("@message", ending.Message),
                ("@start", ending.StartTime),
                ("@stop", ending.StopTime),
                ("@bytes", bytes),
                ("@id", ending.Number)),
            cancellationToken).ConfigureAwait(false);
        if (ending.Kept is var (derivation, log))
        {
            await AddBuildLogAsync(session, store, derivation, log, cancellationToken).ConfigureAwait(false);
        }

        return true;
    }

    private async Task<FoundBuild?> FindBuildAsync(SqlSession session, StoreId store, long number, string owner, CancellationToken cancellationToken) =>
        await session.FirstAsync(
            new SqlText(
                $"""
                SELECT b.state, b.log_bytes, {CountWaiters}, (SELECT count(*) FROM build_waiters w WHERE w.build = b.id)
                FROM builds b WHERE b.id = @id AND b.store = @store AND b.owner = @owner{_dialect.ForUpdate}
                """,
                ("@id", number),
                ("@store", store.Value),
                ("@owner", owner)),
            static reader => new FoundBuild((BuildState)reader.GetInt32(0), reader.GetInt64(1), (int)reader.GetInt64(2), reader.GetInt64(3) > 0),
            cancellationToken).ConfigureAwait(false);

    private static async Task<int> AddLogAsync(
        SqlSession session, long number, long position, ReadOnlyMemory<byte> log, CancellationToken cancellationToken)
    {
        for (int start = 0; start < log.Length; start += LogPartBytes)
        {
            await session.ExecuteAsync(
                new SqlText(
                    "INSERT INTO build_log_parts (build, position, bytes) VALUES (@id, @position, @bytes)",
                    ("@id", number),
                    ("@position", position + start),
                    ("@bytes", log.Slice(start, Math.Min(LogPartBytes, log.Length - start)).ToArray())),
                cancellationToken).ConfigureAwait(false);
        }

        return log.Length;
    }

    private Task<int> WaitAsync(SqlSession session, long number, string waiter, TimeSpan lease, CancellationToken cancellationToken) =>
        session.ExecuteAsync(
            new SqlText(
                $"""
                INSERT INTO build_waiters (build, waiter, lease_until) VALUES (@id, @waiter, {_dialect.NowMilliseconds} + @lease)
                ON CONFLICT (build, waiter) DO UPDATE SET lease_until = excluded.lease_until
                """,
                ("@id", number),
                ("@waiter", waiter),
                ("@lease", (long)lease.TotalMilliseconds)),
            cancellationToken);

    private async Task ClearBuildsAsync(SqlSession session, StoreId store, CancellationToken cancellationToken)
    {
        // 1. What waited for a host, and nobody has asked for it for long.
        await session.ExecuteAsync(
            new SqlText(
                $"""
                UPDATE builds SET state = @state, ended = {_dialect.NowMilliseconds}
                WHERE store = @store AND state = 5 AND lease_until < {_dialect.NowMilliseconds} - {EndedBuildMilliseconds}
                """,
                ("@state", (int)BuildState.GivenUp),
                ("@store", store.Value)),
            cancellationToken).ConfigureAwait(false);

        // 2. What ended long ago.
        var ended = new SqlText(
            $"SELECT id FROM builds WHERE store = @store AND ended < {_dialect.NowMilliseconds} - {EndedBuildMilliseconds} ORDER BY id LIMIT 100{_dialect.ForUpdate}",
            ("@store", store.Value));
        int[] ids = [.. await session.QueryAsync(ended, static reader => reader.GetInt32(0), cancellationToken).ConfigureAwait(false)];
        foreach (string statement in (string[])["build_log_parts WHERE build", "build_waiters WHERE build", "builds WHERE id"])
        {
            await session.ExecuteRowsAsync(
                $"DELETE FROM {statement} IN (SELECT r.id FROM {{rows}})", new RowSet(ids.Length).Int("id", ids), cancellationToken).ConfigureAwait(false);
        }
    }

    private static RunningBuild ReadBuild(DbDataReader reader) => new(
        reader.GetInt64(0),
        StorePath.ParseBaseName(reader.GetString(1)),
        reader.GetBytes(2),
        new BuildWishes((ulong)reader.GetInt64(3), (ulong)reader.GetInt64(4), (ulong)reader.GetInt64(5), reader.GetInt32(6) != 0),
        reader.GetString(7),
        reader.GetInt64(8),
        (int)reader.GetInt64(10),
        reader.GetInt32(9) == (int)BuildState.Queued);

    // A comparison is a number in one database and a truth value in the other.
    private static bool ReadFlag(DbDataReader reader, int column) => Convert.ToBoolean(reader.GetValue(column), CultureInfo.InvariantCulture);

    private sealed record Holder(RunningBuild Build, bool IsAlive);

    private sealed record FoundBuild(BuildState State, long LogBytes, int Waiters, bool WasWaitedFor);
}
