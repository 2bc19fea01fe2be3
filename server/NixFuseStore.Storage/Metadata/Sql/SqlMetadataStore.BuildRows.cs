using System.Data.Common;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>The rows of executions of builds: found, begun, ended, cleared away.</content>
internal sealed partial class SqlMetadataStore
{
    private Task<Holder?> FindOpenBuildAsync(SqlSession session, StoreId store, BuildRequest request, CancellationToken cancellationToken) =>
        session.FirstAsync(
            new SqlText(
                $"""
                SELECT {BuildColumns}, {CountWaiters}, b.lease_until > {_dialect.NowMilliseconds}, b.owner = @owner AND b.asker = @asker FROM builds b
                WHERE b.store = @store AND b.outputs_key = @key AND b.ended IS NULL{_dialect.ForUpdate}
                """,
                ("@store", store.Value),
                ("@key", KeyOf(request.Outputs, request.RealisationIds)),
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
                [.. Wanted(request), ("@id", number)]),
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
                    .. Wanted(request),
                    ("@asker", request.Asker),
                    ("@system", request.Offered?.System ?? ""),
                    ("@features", string.Join(' ', request.Offered?.Features ?? [])),
                    ("@lease", (long)lease.TotalMilliseconds),
                    ("@store", store.Value),
                    ("@key", KeyOf(request.Outputs, request.RealisationIds)),
                    ("@owner", request.Owner),
                    ("@host", request.Host),
                    ("@state", (int)state),
                    ("@now", NowSeconds()),
                ]),
            cancellationToken);

    private async Task<bool> AreValidAsync(
        SqlSession session, StoreId store, IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken)
    {
        string[] hashParts = [.. paths.Select(static path => path.HashPart).Distinct()];
        return hashParts.Length > 0
            && (await FindValidHashPartsAsync(session, store, hashParts, cancellationToken).ConfigureAwait(false)).Count == hashParts.Length;
    }

    private Task<List<string>> FindValidHashPartsAsync(SqlSession session, StoreId store, string[] hashParts, CancellationToken cancellationToken) =>
        session.QueryRowsAsync(
            new SqlText($"SELECT p.hash_part FROM {{rows}} {PathsByHashPart}", ("@store", store.Value)),
            new RowSet(hashParts.Length).Text("hash_part", hashParts),
            static reader => reader.GetString(0),
            cancellationToken);

    /// <summary>Whether what was built under these ids is known and valid.</summary>
    private async Task<bool> AreRealisedAsync(SqlSession session, StoreId store, IReadOnlyCollection<string> ids, CancellationToken cancellationToken)
    {
        string[] distinct = [.. ids.Distinct()];
        var known = await FindRealisationsAsync(session, store, distinct, forUpdate: "", cancellationToken).ConfigureAwait(false);
        return known.Count == distinct.Length && await AreValidAsync(session, store, OutPaths(known.Values), cancellationToken).ConfigureAwait(false);
    }

    private async Task<bool> AreBuiltAsync(SqlSession session, StoreId store, BuildRequest request, CancellationToken cancellationToken) =>
        (request.Outputs.Count == 0 || await AreValidAsync(session, store, request.Outputs, cancellationToken).ConfigureAwait(false))
        && (request.RealisationIds.Count == 0 || await AreRealisedAsync(session, store, request.RealisationIds, cancellationToken).ConfigureAwait(false));

    private static byte[] KeyOf(IEnumerable<StorePath> outputs, IEnumerable<string> ids) => SHA256.HashData(Encoding.ASCII.GetBytes(
        string.Join('\n', outputs.Order().Select(static path => path.BaseName).Concat(ids.Order(StringComparer.Ordinal)))));

    private static string[] Split(string features) => features.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static (string Name, object? Value)[] Wanted(BuildRequest request) =>
    [
        ("@name", request.Derivation.BaseName),
        ("@text", request.TextHash.ToArray()),
        ("@timeout", (long)request.Wishes.Timeout),
        ("@silent", (long)request.Wishes.MaxSilentTime),
        ("@log", (long)request.Wishes.MaxLogSize),
        ("@keep", request.Wishes.KeepFailed ? 1 : 0),
    ];

    /// <summary>False where the execution is not the caller's any more.</summary>
    private async Task<bool> EndBuildAsync(SqlSession session, StoreId store, BuildEnd ending, CancellationToken cancellationToken)
    {
        // 1. Whose it is. Who asks once more because no answer came has what it wants.
        var build = await FindBuildAsync(session, store, ending.Number, ending.Owner, cancellationToken).ConfigureAwait(false);
        if (build is not { State: BuildState.Running })
        {
            return build?.State == ending.State;
        }

        if (!await IsEndOfAsync(session, store, build, ending, cancellationToken).ConfigureAwait(false))
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
        await AddRealisationsAsync(
            session, store, [.. ending.Realisations.Select(static one => KeyValuePair.Create(one.Id, one.Json))], ending.Outputs ?? [], cancellationToken)
            .ConfigureAwait(false);
        if (ending.Kept is var (derivations, log) && derivations[0].BaseName == build.Derivation)
        {
            foreach (var derivation in derivations)
            {
                await AddBuildLogAsync(session, store, derivation, log, cancellationToken).ConfigureAwait(false);
            }
        }

        return true;
    }

    /// <summary>Whether what ends is what was claimed: the outputs are those of the step, and what they came to is registered or valid.</summary>
    private async Task<bool> IsEndOfAsync(SqlSession session, StoreId store, FoundBuild build, BuildEnd ending, CancellationToken cancellationToken)
    {
        if (ending.Realisations.Count == 0)
        {
            return ending.Outputs is not { } outputs || KeyOf(outputs, []).AsSpan().SequenceEqual(build.OutputsKey);
        }

        StorePath[] valid = [.. ending.Realisations.Select(static one => one.OutPath).Except(ending.Outputs ?? [])];
        return KeyOf([], ending.Realisations.Select(static one => one.Id)).AsSpan().SequenceEqual(build.OutputsKey)
            && (valid.Length == 0 || await AreValidAsync(session, store, valid, cancellationToken).ConfigureAwait(false));
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
        // 1. What waited for a host, and has not been asked for since.
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
