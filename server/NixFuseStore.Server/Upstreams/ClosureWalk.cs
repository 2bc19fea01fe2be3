using System.Collections.Concurrent;
using Grpc.Core;
using NixFuseStore.Nix;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Upstreams;

/// <summary>What has to be fetched so that some paths become valid: they and what they refer to, as far as it is not valid already.</summary>
internal sealed class ClosureWalk(IPathCatalog metadata, UpstreamDirectory upstreams, StoreRecord store)
{
    /// <summary>More than any closure has.</summary>
    private const int PathsMax = 100_000;

    /// <summary>Questions to upstream caches at the same time.</summary>
    private const int QuestionsMax = 16;

    /// <summary>Valid paths that were met, by hash part.</summary>
    public Dictionary<string, StorePath> Valid { get; } = new(StringComparer.Ordinal);

    /// <summary>Why paths could not be found, by hash part, where there is more to say than that no cache has them.</summary>
    public ConcurrentDictionary<string, string> Failures { get; } = new(StringComparer.Ordinal);

    /// <summary>Valid paths with something damaged that were met, by hash part.</summary>
    public Dictionary<string, StorePath> Damaged { get; } = new(StringComparer.Ordinal);

    /// <summary>Paths to fetch, by hash part.</summary>
    public ConcurrentDictionary<string, PathInfo> Wanted { get; } = new(StringComparer.Ordinal);

    /// <summary>Walks from these paths, a level of references at a time.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: there is no end to it.</exception>
    public async Task RunAsync(IEnumerable<string> hashParts, CancellationToken cancellation)
    {
        var seen = hashParts.ToHashSet(StringComparer.Ordinal);
        for (var level = seen.ToArray(); level.Length > 0;)
        {
            foreach (var path in await metadata.QueryPathsAsync(store.Id, level, cancellation).ConfigureAwait(false))
            {
                // A damaged path is fetched again, where some cache has it.
                if (!path.IsDamaged)
                {
                    Valid[path.Path.HashPart] = path.Path;
                }
                else
                {
                    Damaged[path.Path.HashPart] = path.Path;
                }
            }

            var found = await FindAsync(upstreams, store, level.Where(part => !Valid.ContainsKey(part)), Failures, cancellation).ConfigureAwait(false);
            foreach (var part in level.Where(part => Damaged.ContainsKey(part) && found.All(path => path.Info.Info.Path.HashPart != part)))
            {
                Valid[part] = Damaged[part];
            }

            var next = new List<string>();
            foreach (var path in found)
            {
                Wanted[path.Info.Info.Path.HashPart] = path.Info.Info;
                next.AddRange(path.Info.Info.References.Select(reference => reference.HashPart).Where(seen.Add));
            }

            level = seen.Count <= PathsMax ? [.. next] : throw new RpcException(new Status(StatusCode.ResourceExhausted, $"the closure has more than {PathsMax} paths"));
        }
    }

    /// <summary>Those of the paths that some upstream cache has, in no order; of others, why not, where there is more to say.</summary>
    public static async Task<IReadOnlyCollection<UpstreamPath>> FindAsync(
        UpstreamDirectory upstreams,
        StoreRecord store,
        IEnumerable<string> hashParts,
        ConcurrentDictionary<string, string> failures,
        CancellationToken cancellation)
    {
        var found = new ConcurrentBag<UpstreamPath>();
        var options = new ParallelOptions { MaxDegreeOfParallelism = QuestionsMax, CancellationToken = cancellation };
        await Parallel.ForEachAsync(hashParts, options, async (part, token) =>
        {
            var reasons = new List<string>();
            await foreach (var path in upstreams.FindAsync(store, part, reasons, token).ConfigureAwait(false))
            {
                found.Add(path);
                return;
            }

            if (reasons.Count > 0)
            {
                failures[part] = string.Join("; ", reasons);
            }
        }).ConfigureAwait(false);
        return found;
    }
}
