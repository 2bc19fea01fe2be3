using System.Data.Common;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using NixFuseStore.Nix;

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

            // 2. Nobody's: it may have been built just before. Whoever built it has ended before this is looked at.
            if (open is null or { Build.IsQueued: true } && await AreValidAsync(session, store, request.Outputs, cancellationToken).ConfigureAwait(false))
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

    private Task<Holder?> FindOpenBuildAsync(SqlSession session, StoreId store, BuildRequest request, CancellationToken cancellationToken) =>
        session.FirstAsync(
            new SqlText(
                $"""
                SELECT {BuildColumns}, {CountWaiters}, b.lease_until > {_dialect.NowMilliseconds}, b.owner = @owner AND b.asker = @asker FROM builds b
                WHERE b.store = @store AND b.outputs_key = @key AND b.ended IS NULL{_dialect.ForUpdate}
                """,
                ("@store", store.Value),
                ("@key", KeyOf(request.Outputs)),
                ("@owner", request.Owner),
                ("@asker", request.Asker)),
            static reader => new Holder(ReadBuild(reader), ReadFlag(reader, 11), ReadFlag(reader, 12)),
            cancellationToken);

    /// <summary>An execution is a host's own from now on, which does not wait for it any more.</summary>
    private async Task BeginBuildAsync(
        SqlSession session, long number, string owner, string host, string asker, TimeSpan lease, CancellationToken cancellationToken)
    {
        await session.ExecuteAsync(
            new SqlText(
                $"""
                UPDATE builds SET state = 0, owner = @owner, host = @host, asker = @asker, lease_until = {_dialect.NowMilliseconds} + @lease
                WHERE id = @id
                """,
                ("@owner", owner),
                ("@host", host),
                ("@asker", asker),
                ("@lease", (long)lease.TotalMilliseconds),
                ("@id", number)),
            cancellationToken).ConfigureAwait(false);
        await session.ExecuteAsync(
            new SqlText(
                "DELETE FROM build_waiters WHERE build = @id AND substr(waiter, 1, length(@asker)) = @asker", ("@id", number), ("@asker", asker)),
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What waited for a host is built as the one wants it that begins.</summary>
    private static Task<int> AskAsync(SqlSession session, long number, BuildRequest request, CancellationToken cancellationToken) =>
        session.ExecuteAsync(
            new SqlText(
                """
                UPDATE builds SET base_name = @name, text_hash = @text, timeout = @timeout, max_silent_time = @silent, max_log_size = @log,
                  keep_failed = @keep WHERE id = @id
                """,
                ("@name", request.Derivation.BaseName),
                ("@text", request.TextHash.ToArray()),
                ("@timeout", (long)request.Wishes.Timeout),
                ("@silent", (long)request.Wishes.MaxSilentTime),
                ("@log", (long)request.Wishes.MaxLogSize),
                ("@keep", request.Wishes.KeepFailed ? 1 : 0),
                ("@id", number)),
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
                ("@name", request.Derivation.BaseName),
                ("@text", request.TextHash.ToArray()),
                ("@timeout", (long)request.Wishes.Timeout),
                ("@silent", (long)request.Wishes.MaxSilentTime),
                ("@log", (long)request.Wishes.MaxLogSize),
                ("@keep", request.Wishes.KeepFailed ? 1 : 0),
                ("@asker", request.Asker),
                ("@system", request.Offered?.System ?? ""),
                ("@features", string.Join(' ', request.Offered?.Features ?? [])),
                ("@lease", (long)lease.TotalMilliseconds),
                ("@store", store.Value),
                ("@key", KeyOf(request.Outputs)),
                ("@owner", request.Owner),
                ("@host", request.Host),
                ("@state", (int)state),
                ("@now", NowSeconds())),
            cancellationToken);

    private async Task<bool> AreValidAsync(
        SqlSession session, StoreId store, IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken)
    {
        string[] hashParts = [.. paths.Select(static path => path.HashPart).Distinct()];
        var valid = await session.QueryRowsAsync(
            new SqlText($"SELECT p.hash_part FROM {{rows}} {PathsByHashPart}", ("@store", store.Value)),
            new RowSet(hashParts.Length).Text("hash_part", hashParts),
            static reader => reader.GetString(0),
            cancellationToken).ConfigureAwait(false);
        return hashParts.Length > 0 && valid.Count == hashParts.Length;
    }

    private static byte[] KeyOf(IEnumerable<StorePath> outputs) =>
        SHA256.HashData(Encoding.ASCII.GetBytes(string.Join('\n', outputs.Order().Select(static path => path.BaseName))));

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

        if (ending.Outputs is { } outputs && !KeyOf(outputs).AsSpan().SequenceEqual(build.OutputsKey))
        {
            return false;
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
        if (ending.Kept is var (derivation, log) && derivation.BaseName == build.Derivation)
        {
            await AddBuildLogAsync(session, store, derivation, log, cancellationToken).ConfigureAwait(false);
        }

        return true;
    }

    private async Task<FoundBuild?> FindBuildAsync(SqlSession session, StoreId store, long number, string owner, CancellationToken cancellationToken) =>
        await session.FirstAsync(
            new SqlText(
                $"""
                SELECT b.state, b.log_bytes, {CountWaiters}, (SELECT count(*) FROM build_waiters w WHERE w.build = b.id),
                  b.outputs_key, b.base_name
                FROM builds b WHERE b.id = @id AND b.store = @store AND b.owner = @owner{_dialect.ForUpdate}
                """,
                ("@id", number),
                ("@store", store.Value),
                ("@owner", owner)),
            static reader => new FoundBuild((BuildState)reader.GetInt32(0), reader.GetInt64(1), (int)reader.GetInt64(2), reader.GetInt64(3) > 0, reader.GetBytes(4), reader.GetString(5)),
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
                  AND NOT EXISTS (SELECT 1 FROM build_waiters w WHERE w.build = builds.id AND w.lease_until > {_dialect.NowMilliseconds})
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
        ReadWishes(reader, 3),
        reader.GetString(7),
        reader.GetInt64(8),
        (int)reader.GetInt64(10),
        reader.GetInt32(9) == (int)BuildState.Queued);

    private static BuildWishes ReadWishes(DbDataReader reader, int column) => new(
        (ulong)reader.GetInt64(column), (ulong)reader.GetInt64(column + 1), (ulong)reader.GetInt64(column + 2), reader.GetInt32(column + 3) != 0);

    // A comparison is a number in one database and a truth value in the other.
    private static bool ReadFlag(DbDataReader reader, int column) => Convert.ToBoolean(reader.GetValue(column), CultureInfo.InvariantCulture);

    private sealed record Holder(RunningBuild Build, bool IsAlive, bool IsAskers);

    private sealed record FoundBuild(BuildState State, long LogBytes, int Waiters, bool WasWaitedFor, byte[] OutputsKey, string Derivation);
}
