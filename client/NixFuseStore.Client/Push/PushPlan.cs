using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Nix.LocalStores;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Push;

/// <summary>Which paths a push is about, and which of them the server has.</summary>
/// <param name="ToPush">Paths to be pushed, referenced ones first.</param>
/// <param name="Known">Outcomes of those that are valid on the server already.</param>
/// <param name="Damaged">Those of the paths to be pushed that are valid on the server, which cannot give all of their content.</param>
internal sealed record PushPlan(IReadOnlyList<PathInfo> ToPush, IReadOnlyList<PushedPath> Known, IReadOnlySet<StorePath> Damaged)
{
    /// <summary>Paths in one query; the protocol's bound.</summary>
    private const int QueryPathsMax = 1000;

    /// <summary>Queries under way at once.</summary>
    private const int Queries = 4;

    internal static async Task<PushPlan> MakeAsync(
        IPushTarget target, LocalNixStore store, IReadOnlyList<StorePath> roots, PushOptions options, CancellationToken cancellationToken)
    {
        // 1. What is it about? The order has referenced paths first, also without the closure.
        var paths = store.Closure(roots);
        if (!options.Closure)
        {
            var wanted = roots.ToHashSet();
            paths = [.. paths.Where(info => wanted.Contains(info.Path))];
        }

        // 2. What does the server have? Without the closure that must hold for all references.
        var asked = options.Closure
            ? paths.Select(info => info.Path)
            : paths.Select(info => info.Path).Concat(paths.SelectMany(info => info.References)).Distinct();
        var registered = await QueryAsync(target, [.. asked], cancellationToken).ConfigureAwait(false);
        if (!options.Closure)
        {
            RequireReferences(store, paths, registered);
        }

        // 3. Divide.
        var toPush = new List<PathInfo>();
        var known = new List<PushedPath>();
        var damaged = new HashSet<StorePath>();
        foreach (var info in paths)
        {
            if (!registered.TryGetValue(info.Path.BaseName, out var record))
            {
                toPush.Add(info);
            }
            else if (info.NarHash.Digest.SequenceEqual(record.NarHash.Span) && record.Damaged)
            {
                toPush.Add(info);
                damaged.Add(info.Path);
            }
            else if (info.NarHash.Digest.SequenceEqual(record.NarHash.Span))
            {
                known.Add(new PushedPath(info.Path, PushOutcome.AlreadyValid, ""));
            }
            else
            {
                known.Add(new PushedPath(info.Path, PushOutcome.Conflict, PushConflict.Describe(info, record)));
            }
        }

        return new PushPlan(toPush, known, damaged);
    }

    private static async Task<Dictionary<string, PathRecord>> QueryAsync(
        IPushTarget target, IReadOnlyList<StorePath> paths, CancellationToken cancellationToken)
    {
        var registered = new Dictionary<string, PathRecord>();
        var settings = new ParallelOptions { MaxDegreeOfParallelism = Queries, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(paths.Chunk(QueryPathsMax), settings, async (batch, token) =>
        {
            var request = new QueryPathsRequest { Store = target.StoreName };
            request.HashParts.AddRange(batch.Select(path => path.HashPart));
            var response = await target.QueryPathsAsync(request, token).ConfigureAwait(false);
            lock (registered)
            {
                foreach (var record in response.Paths)
                {
                    registered[record.BaseName] = record;
                }
            }
        }).ConfigureAwait(false);
        return registered;
    }

    private static void RequireReferences(LocalNixStore store, IReadOnlyList<PathInfo> paths, Dictionary<string, PathRecord> registered)
    {
        var pushed = paths.Select(info => info.Path).ToHashSet();
        foreach (var info in paths)
        {
            foreach (var reference in info.References)
            {
                if (!pushed.Contains(reference) && !registered.ContainsKey(reference.BaseName))
                {
                    throw new StoreClientException(
                        $"{store.Directory.Print(info.Path)} refers to {store.Directory.Print(reference)}, which the server does not have; "
                        + "push that first, or push without --no-closure");
                }
            }
        }
    }
}
