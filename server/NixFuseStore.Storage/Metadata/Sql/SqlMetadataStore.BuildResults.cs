using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Data.Common;
using System.IO.Hashing;
using System.Text;
using NixFuseStore.Native.Compression;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Realisations;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Realisations and logs of builds.</content>
internal sealed partial class SqlMetadataStore
{
    /// <summary>In place of the sum of a log that was kept before there were sums.</summary>
    private const long NoSum = 0;

    /// <summary>Damaged logs that are told; more are refused in silence.</summary>
    private const int DamagedLogsMax = 1000;

    // Each is told once.
    private readonly ConcurrentDictionary<(StoreId Store, string BaseName), bool> _damagedLogs = new();

    /// <inheritdoc/>
    public Task<IReadOnlyDictionary<string, string>> AddRealisationsAsync(
        StoreId store, IReadOnlyCollection<KeyValuePair<string, string>> realisations, CancellationToken cancellationToken) => WriteAsync(
        durable: true, session => AddRealisationsAsync(session, store, realisations, [], cancellationToken), cancellationToken);

    /// <param name="session">The transaction.</param>
    /// <param name="store">The store.</param>
    /// <param name="realisations">By id.</param>
    /// <param name="coming">Paths that become valid in the same transaction.</param>
    /// <param name="cancellationToken">Gives up.</param>
    private async Task<IReadOnlyDictionary<string, string>> AddRealisationsAsync(
        SqlSession session,
        StoreId store,
        IReadOnlyCollection<KeyValuePair<string, string>> realisations,
        IReadOnlyCollection<StorePath> coming,
        CancellationToken cancellationToken)
    {
        if (realisations.Count == 0)
        {
            return new Dictionary<string, string>();
        }

        // 1. The first of each id stays.
        var sorted = realisations.GroupBy(item => item.Key, item => item.Value, StringComparer.Ordinal)
            .Select(same => (Id: same.Key, Json: same.Aggregate(Realisation.Unite)))
            .OrderBy(item => item.Id, StringComparer.Ordinal).ToArray();
        string[] ids = Array.ConvertAll(sorted, item => item.Id);
        await session.ExecuteRowsAsync(
            new SqlText(
                "INSERT INTO realisations (store, id, json) SELECT @store, r.id, r.json FROM {rows} WHERE 1 = 1 ON CONFLICT DO NOTHING",
                ("@store", store.Value)),
            new RowSet(sorted.Length).Text("id", ids).Text("json", Array.ConvertAll(sorted, item => item.Json)),
            cancellationToken).ConfigureAwait(false);

        // 2. Signatures of equal ones come to it, and one whose path is not valid gives way to one whose path is. Locked, so that no other call
        // changes them meanwhile.
        var registered = await FindRealisationsAsync(session, store, ids, _dialect.ForUpdate, cancellationToken).ConfigureAwait(false);
        var valid = await FindValidOutPathsAsync(
            session, store, [.. sorted.Where(item => item.Json != registered[item.Id]).SelectMany(item => (string[])[item.Json, registered[item.Id]])], cancellationToken)
            .ConfigureAwait(false);
        valid.UnionWith(coming);
        var changed = sorted.Select(item => (item.Id, Json: GivesWay(registered[item.Id], item.Json, valid) ? item.Json : Realisation.Unite(registered[item.Id], item.Json)))
            .Where(item => item.Json != registered[item.Id]).ToArray();
        await session.ExecuteRowsAsync(
            new SqlText(
                """
                INSERT INTO realisations (store, id, json) SELECT @store, r.id, r.json FROM {rows} WHERE 1 = 1
                ON CONFLICT (store, id) DO UPDATE SET json = excluded.json
                """,
                ("@store", store.Value)),
            new RowSet(changed.Length).Text("id", Array.ConvertAll(changed, item => item.Id)).Text("json", Array.ConvertAll(changed, item => item.Json)),
            cancellationToken).ConfigureAwait(false);
        foreach (var (id, json) in changed)
        {
            registered[id] = json;
        }

        return registered;
    }

    private static bool GivesWay(string registered, string given, HashSet<StorePath> valid) =>
        Realisation.TryParse(registered, out var old) && Realisation.TryParse(given, out var other)
        && old.OutPath != other.OutPath && !valid.Contains(old.OutPath) && valid.Contains(other.OutPath);

    /// <summary>Which of the paths are valid that the realisations name.</summary>
    private async Task<HashSet<StorePath>> FindValidOutPathsAsync(
        SqlSession session, StoreId store, IReadOnlyCollection<string> realisations, CancellationToken cancellationToken)
    {
        var paths = OutPaths(realisations);
        string[] hashParts = [.. paths.Select(static path => path.HashPart).Distinct(StringComparer.Ordinal)];
        var valid = hashParts.Length == 0 ? [] : await FindValidHashPartsAsync(session, store, hashParts, cancellationToken).ConfigureAwait(false);
        return [.. paths.Where(path => valid.Contains(path.HashPart))];
    }

    private static HashSet<StorePath> OutPaths(IEnumerable<string> realisations) =>
        [.. realisations.Select(static json => Realisation.TryParse(json, out var realisation) ? realisation.OutPath : (StorePath?)null).OfType<StorePath>()];

    /// <inheritdoc/>
    public async Task<IReadOnlyDictionary<string, string>> FindRealisationsAsync(
        StoreId store, IReadOnlyCollection<string> ids, CancellationToken cancellationToken) =>
        await ReadAsync(
            session => FindRealisationsAsync(session, store, [.. ids.Distinct()], forUpdate: "", cancellationToken), cancellationToken)
            .ConfigureAwait(false);

    /// <inheritdoc/>
    public Task<bool> AddBuildLogAsync(StoreId store, StorePath derivation, BuildLog log, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(log);
        return WriteAsync(durable: true, session => AddBuildLogAsync(session, store, derivation, log, cancellationToken), cancellationToken);
    }

    private async Task<bool> AddBuildLogAsync(SqlSession session, StoreId store, StorePath derivation, BuildLog log, CancellationToken cancellationToken)
    {
        // 1. The first one stays,
        if (await session.ExecuteAsync(
            LogStatement(
                """
                INSERT INTO build_logs (store, base_name, plain_length, zstd, sum, failed, created)
                VALUES (@store, @name, @length, @zstd, @sum, @failed, @now)
                ON CONFLICT DO NOTHING
                """),
            cancellationToken).ConfigureAwait(false) == 1)
        {
            return true;
        }

        // 2. unless it is damaged, or of a build that failed.
        if (await FindLogAsync(session, store, derivation, cancellationToken).ConfigureAwait(false) is { IsWhole: true, Log.IsOfFailure: false })
        {
            return false;
        }

        return await session.ExecuteAsync(
            LogStatement(
                """
                UPDATE build_logs SET plain_length = @length, zstd = @zstd, sum = @sum, failed = @failed, created = @now
                WHERE store = @store AND base_name = @name
                """),
            cancellationToken).ConfigureAwait(false) == 1;

        SqlText LogStatement(string text) => new(
            text,
            ("@store", store.Value),
            ("@name", derivation.BaseName),
            ("@length", log.PlainLength),
            ("@zstd", log.Zstd.ToArray()),
            ("@sum", SumOf(derivation.BaseName, log)),
            ("@failed", log.IsOfFailure ? 1 : 0),
            ("@now", NowSeconds()));
    }

    /// <inheritdoc/>
    public async Task<BuildLog?> FindBuildLogAsync(StoreId store, StorePath derivation, CancellationToken cancellationToken)
    {
        var found = await ReadAsync(session => FindLogAsync(session, store, derivation, cancellationToken), cancellationToken).ConfigureAwait(false);
        if (found is not { IsWhole: false })
        {
            return found?.Log;
        }

        if (_damagedLogs.Count < DamagedLogsMax && _damagedLogs.TryAdd((store, derivation.BaseName), true))
        {
            _notice(Damaged(derivation.BaseName));
        }

        return null;
    }

    private static string Damaged(string baseName) => $"the build log of {baseName} is damaged in the database: it counts as missing, and may be added again";

    private static Task<FoundLog?> FindLogAsync(SqlSession session, StoreId store, StorePath derivation, CancellationToken cancellationToken) =>
        session.FirstAsync(
            new SqlText(
                "SELECT plain_length, zstd, sum, failed FROM build_logs WHERE store = @store AND base_name = @name",
                ("@store", store.Value),
                ("@name", derivation.BaseName)),
            reader => ReadLog(derivation.BaseName, reader, 0),
            cancellationToken);

    private async Task<IReadOnlyList<string>> CheckLogsAsync(CancellationToken cancellationToken)
    {
        var faults = new List<string>();
        await ReadAsync(
            session => session.QueryAsync(
                "SELECT base_name, plain_length, zstd, sum, failed FROM build_logs",
                reader =>
                {
                    string name = reader.GetString(0);
                    if (!ReadLog(name, reader, 1).IsWhole)
                    {
                        faults.Add(Damaged(name));
                    }

                    return 0;
                },
                cancellationToken),
            cancellationToken).ConfigureAwait(false);
        return faults;
    }

    private static FoundLog ReadLog(string name, DbDataReader reader, int column)
    {
        var log = new BuildLog(reader.GetInt32(column), reader.GetBytes(column + 1)) { IsOfFailure = reader.GetInt32(column + 3) != 0 };
        long sum = reader.GetInt64(column + 2);
        return new FoundLog(log, sum == NoSum ? Decompresses(log) : sum == SumOf(name, log));
    }

    // Of logs from before there were sums no more is known than this.
    private static bool Decompresses(BuildLog log) =>
        log.PlainLength is >= 0 and <= BuildLog.PlainBytesMax
        && Zstd.TryDecompress(log.Zstd.Span, GC.AllocateUninitializedArray<byte>(log.PlainLength), out int written) && written == log.PlainLength;

    /// <summary>Covers the whole row, the name too: a log under another name is as wrong as other bytes.</summary>
    private static long SumOf(string name, BuildLog log)
    {
        var hash = new XxHash3();
        hash.Append(Encoding.ASCII.GetBytes(name));
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, log.PlainLength);
        hash.Append(length);
        hash.Append(log.Zstd.Span);
        return (long)hash.GetCurrentHashAsUInt64();
    }

    private static async Task<Dictionary<string, string>> FindRealisationsAsync(
        SqlSession session, StoreId store, string[] ids, string forUpdate, CancellationToken cancellationToken)
    {
        var rows = await session.QueryRowsAsync(
            new SqlText(
                $"SELECT t.id, t.json FROM {{rows}} CROSS JOIN realisations t WHERE t.store = @store AND t.id = r.id{forUpdate}",
                ("@store", store.Value)),
            new RowSet(ids.Length).Text("id", ids),
            reader => (Id: reader.GetString(0), Json: reader.GetString(1)),
            cancellationToken).ConfigureAwait(false);
        return rows.ToDictionary(row => row.Id, row => row.Json, StringComparer.Ordinal);
    }

    private sealed record FoundLog(BuildLog Log, bool IsWhole);
}
