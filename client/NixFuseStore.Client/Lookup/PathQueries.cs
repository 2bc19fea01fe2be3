using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Pending;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Lookup;

/// <summary>Questions about what is valid, by those who have the patience to wait for a server that is started again (Nix). Any thread.</summary>
/// <param name="calls">Calls that are made again.</param>
/// <param name="health">The server's presence.</param>
/// <param name="finder">What is known here.</param>
/// <param name="table">Records in memory.</param>
/// <param name="pending">Paths that were added here.</param>
/// <param name="records">Asks for records.</param>
/// <param name="closures">Asks for closures.</param>
/// <param name="closureDeadline">How long a server that is away is waited for before a closure is asked for.</param>
internal sealed class PathQueries(
    RetryPolicy calls,
    ServerHealth health,
    PathFinder finder,
    PathTable table,
    PendingPaths pending,
    RecordFetcher records,
    ClosureFetcher closures,
    TimeSpan closureDeadline)
{
    private static readonly TimeSpan ListAllDeadline = TimeSpan.FromMinutes(5);

    /// <summary>See <see cref="StoreReader.FindWithClosureAsync"/>.</summary>
    public ValueTask<PathHandle?> FindWithClosureAsync(StorePath path, CancellationToken cancellationToken) =>
        finder.FindKnown(path) is { } known && HasReferencesAtHand(known.Info)
            ? new ValueTask<PathHandle?>(known)
            : new ValueTask<PathHandle?>(AskWithClosureAsync(path, cancellationToken));

    /// <summary>See <see cref="StoreReader.HasReferencesAtHand"/>.</summary>
    public bool HasReferencesAtHand(PathInfo info)
    {
        return !health.IsUp || info.References.All(IsAtHand);

        bool IsAtHand(StorePath reference)
        {
            var key = Key256.OfHashPart(reference.BaseName);
            return table.FindBaseName(in key) is not null || pending.Find(in key) is not null;
        }
    }

    /// <summary>See <see cref="StoreReader.FilterValidAsync"/>.</summary>
    public async ValueTask<IReadOnlyCollection<StorePath>> FilterValidAsync(IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken)
    {
        string[] unknown = [.. paths.Where(path => finder.FindKnown(path) is null).Select(path => path.HashPart).Distinct()];
        if (unknown.Length > 0)
        {
            await records.FetchAsync(unknown, cancellationToken).ConfigureAwait(false);
        }

        return [.. paths.Where(path => finder.FindKnown(path) is not null)];
    }

    /// <summary>See <see cref="StoreReader.FindByHashPartAsync"/>.</summary>
    public async ValueTask<StorePath?> FindByHashPartAsync(string hashPart, CancellationToken cancellationToken)
    {
        if (!StorePath.IsHashPart(hashPart))
        {
            return null;
        }

        var key = Key256.OfHashPart(hashPart);
        if (pending.Find(in key) is { } added)
        {
            return added.Path;
        }

        if (table.FindBaseName(in key) is null)
        {
            await records.FetchAsync([hashPart], cancellationToken).ConfigureAwait(false);
        }

        return table.FindBaseName(in key) is { } name && StorePath.TryParseBaseName(name, out var path) && finder.FindKnown(path) is not null ? path : null;
    }

    /// <summary>Asks for records, also for those that are known but may have changed.</summary>
    public Task FetchRecordsAsync(IEnumerable<StorePath> paths, CancellationToken cancellationToken) =>
        records.FetchAsync(paths.Select(static path => path.HashPart), cancellationToken);

    /// <summary>See <see cref="StoreReader.ListValidAsync"/>.</summary>
    public async Task<IReadOnlyList<StorePath>> ListValidAsync(CancellationToken cancellationToken)
    {
        var request = new ListPathsRequest { Store = calls.StoreName };
        var pages = await calls.CallAllAsync(
            (endpoint, token) => endpoint.Store.ListPathsAsync(request, ListAllDeadline, token), cancellationToken).ConfigureAwait(false);
        var paths = new List<StorePath>();
        foreach (var entry in pages.SelectMany(static page => page.Entries))
        {
            if (StorePath.TryParseBaseName(entry.BaseName, out var path))
            {
                paths.Add(path);
            }
        }

        return [.. paths.Union(pending.Between("", "").Select(static handle => handle.Path)).Order()];
    }

    /// <summary>See <see cref="StoreReader.FindClosureAsync"/>.</summary>
    public async Task<IReadOnlyList<PathHandle>> FindClosureAsync(IReadOnlyList<StorePath> paths, CancellationToken cancellationToken)
    {
        var handles = new Dictionary<string, PathHandle>(StringComparer.Ordinal);
        var order = new List<PathHandle>();
        var wanted = paths.ToList();
        await health.WaitUpAsync(closureDeadline, cancellationToken).ConfigureAwait(false);
        while (wanted.Count > 0)
        {
            var asked = wanted.Take(ClosureFetcher.RecordsPerRequestMax).Select(static p => p.HashPart).ToList();
            await closures.QueryClosureAsync(asked, Add, cancellationToken).ConfigureAwait(false);
            if (wanted.Take(asked.Count).FirstOrDefault(p => !handles.ContainsKey(p.BaseName)) is { IsDefault: false } absent)
            {
                throw new StoreClientException($"path {finder.Directory.Print(absent)} is not valid in store '{calls.StoreName}'");
            }

            // Where the server cut a closure, the references that did not come are asked for next.
            wanted = [.. wanted.Skip(asked.Count).Concat(order.SelectMany(static h => h.Info.References)).Distinct().Where(p => !handles.ContainsKey(p.BaseName))];
        }

        return order;

        void Add(PathRecord record)
        {
            if (record.BaseName.Length > StorePath.HashPartLength && !handles.ContainsKey(record.BaseName))
            {
                var handle = finder.Adopt(Key256.OfHashPart(record.BaseName), record);
                handles.Add(record.BaseName, handle);
                order.Add(handle);
            }
        }
    }

    private async Task<PathHandle?> AskWithClosureAsync(StorePath path, CancellationToken cancellationToken)
    {
        var key = Key256.OfHashPart(path.BaseName);
        try
        {
            await records.FetchClosureAsync(path, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreUnavailableException) when (finder.FindCached(in key, path) is { } cached)
        {
            return cached;
        }

        if (finder.FindKnown(in key, path) is { } found)
        {
            return found;
        }

        finder.ForgetStale(in key);
        return null;
    }
}
