using System.Data.Common;
using System.Runtime.CompilerServices;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Records, listings and closures.</content>
internal sealed partial class SqlMetadataStore
{
    /// <summary>Paths of one batch of a listing.</summary>
    private const int ListBatch = 2_000;

    private const int NixSignature = 1;
    private const int StoreSignature = 2;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<StoredPath>> QueryPathsAsync(
        StoreId store, IReadOnlyCollection<string> hashParts, CancellationToken cancellationToken) => await ReadAsync(
        session => QueryPathsAsync(session, store, hashParts, cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async IAsyncEnumerable<IReadOnlyList<PathListEntry>> ListPathsAsync(
        StoreId store, string prefix, string after, int limit, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        int left = limit == 0 ? int.MaxValue : limit;
        while (left > 0)
        {
            int wanted = Math.Min(left, ListBatch);
            string from = after;
            var batch = await ReadAsync(session => ListAsync(session, store, prefix, from, wanted, cancellationToken), cancellationToken)
                .ConfigureAwait(false);
            if (batch.Count > 0)
            {
                yield return batch;
                after = batch[^1].Path.BaseName;
                left -= batch.Count;
            }

            if (batch.Count < wanted)
            {
                yield break;
            }
        }
    }

    /// <inheritdoc/>
    public Task<PathClosure> GetClosureAsync(
        StoreId store, IReadOnlyCollection<string> hashParts, int maxPaths, bool withReferences, CancellationToken cancellationToken) =>
        ReadAsync(
            async session =>
            {
                // 1. All records at once. The recursion visits breadth-first, so the limit keeps the nearest.
                string[] roots = [.. hashParts.Distinct()];
                var found = withReferences
                    ? await session.QueryRowsAsync(
                        new SqlText(
                            $$"""
                            WITH RECURSIVE closure(id) AS (
                              SELECT p.id FROM {rows} {{PathsByHashPart}}
                              UNION
                              SELECT f.reference FROM closure c JOIN path_references f ON f.referrer = c.id),
                            bounded(id) AS (SELECT id FROM closure LIMIT @limit)
                            SELECT {{RecordColumns}} FROM bounded b JOIN paths p ON p.id = b.id JOIN manifests m ON m.id = p.manifest
                            """,
                            ("@store", store.Value),
                            ("@limit", (long)maxPaths + 1)),
                        new RowSet(roots.Length).Text("hash_part", roots),
                        ReadPath,
                        cancellationToken).ConfigureAwait(false)
                    : await QueryPathsAsync(session, store, roots, cancellationToken).ConfigureAwait(false);

                // 2. In the order of the walk.
                return OrderClosure(roots, found, maxPaths, withReferences);
            },
            cancellationToken);

    /// <summary>Joins the paths <c>p</c> of <c>@store</c> with the hash parts of the rows.</summary>
    private string PathsByHashPart => _dialect.JoinByIndex("paths", "p", "p.store = @store AND p.hash_part = r.hash_part");

    private string RecordColumns => $"""
        p.hash_part || '-' || p.name, p.nar_hash, p.nar_size, p.deriver, p.content_address, p.registered, p.ultimate, p.event, m.digest, m.header,
        (SELECT {_dialect.JoinLines("q.hash_part || '-' || q.name")} FROM path_references f JOIN paths q ON q.id = f.reference WHERE f.referrer = p.id),
        (SELECT {_dialect.JoinLines("s.kind || s.signature")} FROM signatures s WHERE s.path = p.id),
        {ManifestIsDamaged}
        """;

    private static StoredPath ReadPath(DbDataReader reader)
    {
        string[] signatures = reader.GetLines(11);
        var digest = ManifestDigest.Read(reader.GetBytes(8));
        byte[] header = reader.GetBytes(9);
        return new StoredPath
        {
            Path = StorePath.ParseBaseName(reader.GetString(0)),
            NarHash = reader.GetBytes(1),
            NarSize = (ulong)reader.GetInt64(2),
            Deriver = reader.GetStringOrNull(3) is { } deriver ? StorePath.ParseBaseName(deriver) : null,
            ContentAddress = reader.GetStringOrNull(4),
            RegistrationTime = reader.GetInt64(5),
            Ultimate = reader.GetInt32(6) != 0,
            Event = (ulong)reader.GetInt64(7),
            ManifestDigest = digest,
            ManifestHeader = header,
            IsDamaged = reader.GetInt64(12) != 0 || ManifestDigest.Compute(header) != digest,
            References = Array.ConvertAll(reader.GetLines(10), StorePath.ParseBaseName),
            Signatures = OfKind(signatures, NixSignature),
            StoreSignatures = OfKind(signatures, StoreSignature),
        };
    }

    private static string[] OfKind(string[] signatures, int kind) =>
        [.. signatures.Where(signature => signature[0] - '0' == kind).Select(signature => signature[1..])];

    private static PathClosure OrderClosure(string[] roots, List<StoredPath> found, int maxPaths, bool withReferences)
    {
        var byHashPart = found.ToDictionary(path => path.Path.HashPart);
        var ordered = new List<StoredPath>(found.Count);
        var notValid = new List<string>();
        var seen = new HashSet<StorePath>();
        foreach (string root in roots)
        {
            if (!byHashPart.TryGetValue(root, out var path))
            {
                notValid.Add(root);
            }
            else if (seen.Add(path.Path))
            {
                ordered.Add(path);
            }
        }

        var byPath = found.ToDictionary(path => path.Path);
        for (int i = 0; withReferences && i < ordered.Count; i++)
        {
            foreach (var reference in ordered[i].References)
            {
                if (byPath.TryGetValue(reference, out var path) && seen.Add(reference))
                {
                    ordered.Add(path);
                }
            }
        }

        bool truncated = ordered.Count > maxPaths;
        return new PathClosure(truncated ? ordered[..maxPaths] : ordered, truncated ? [] : notValid, truncated);
    }

    /// <summary>The least text that is greater than every text with the prefix, for a range on the index; null where there is none.</summary>
    private static string? BehindPrefix(string prefix) => prefix.Length == 0 ? null : $"{prefix[..^1]}{(char)(prefix[^1] + 1)}";

    private Task<List<StoredPath>> QueryPathsAsync(
        SqlSession session, StoreId store, IReadOnlyCollection<string> hashParts, CancellationToken cancellationToken)
    {
        string[] distinct = [.. hashParts.Distinct()];
        return session.QueryRowsAsync(
            new SqlText(
                $$"""
                SELECT {{RecordColumns}}
                FROM {rows} {{PathsByHashPart}} JOIN manifests m ON m.id = p.manifest
                """,
                ("@store", store.Value)),
            new RowSet(distinct.Length).Text("hash_part", distinct),
            ReadPath,
            cancellationToken);
    }

    private static async Task<List<PathListEntry>> ListAsync(
        SqlSession session, StoreId store, string prefix, string after, int limit, CancellationToken cancellationToken)
    {
        // Hash parts are unique in a store, so their order is that of base names. Bounds on names longer than a hash part are checked here.
        const int Length = StorePath.HashPartLength;
        string lowest = prefix.Length > Length ? prefix[..Length] : prefix;
        string? behind = BehindPrefix(lowest);
        var entries = new List<PathListEntry>();
        await session.QueryAsync(
            new SqlText(
                $"""
                SELECT p.hash_part || '-' || p.name, m.root_kind, m.root_executable, m.root_size, p.nar_size, m.header, m.digest
                FROM paths p JOIN manifests m ON m.id = p.manifest
                WHERE p.store = @store AND p.hash_part >= @lowest AND p.hash_part > @after {(behind is null ? "" : "AND p.hash_part < @behind")}
                ORDER BY p.hash_part LIMIT @limit
                """,
                ("@store", store.Value),
                ("@lowest", lowest),
                ("@after", after.Length > Length ? after[..Length] : after),
                ("@behind", behind ?? ""),
                ("@limit", limit)),
            reader =>
            {
                string baseName = reader.GetString(0);
                if (baseName.StartsWith(prefix, StringComparison.Ordinal))
                {
                    entries.Add(new PathListEntry(
                        StorePath.ParseBaseName(baseName),
                        (EntryKind)reader.GetInt32(1),
                        reader.GetInt32(2) != 0,
                        (ulong)reader.GetInt64(3),
                        (ulong)reader.GetInt64(4),
                        ManifestHeader.Parse(reader.GetBytes(5)).EntryCount,
                        ManifestDigest.Read(reader.GetBytes(6))));
                }

                return baseName;
            },
            cancellationToken).ConfigureAwait(false);
        return entries;
    }
}
