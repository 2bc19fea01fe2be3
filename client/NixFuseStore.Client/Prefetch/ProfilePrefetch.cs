using NixFuseStore.Client.Chunks;
using NixFuseStore.Client.Lookup;
using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Trees;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Prefetch;

/// <summary>Fetches together what other hosts read of a path and of what it refers to, when its content is wanted for the first time. Any thread.</summary>
/// <param name="finder">What is known here.</param>
/// <param name="table">Records that have come, verified or not.</param>
/// <param name="closures">What is coming in.</param>
/// <param name="profiles">What other hosts read.</param>
/// <param name="contents">Opens chunk lists.</param>
/// <param name="chunks">Brings chunks.</param>
internal sealed class ProfilePrefetch(
    PathFinder finder, PathTable table, ClosureFetcher closures, AccessProfiles profiles, ContentLoader contents, ChunkFetcher chunks)
{
    /// <summary>Paths of a closure that are looked at.</summary>
    private const int PathsMax = 10_000;

    /// <summary>Plain bytes that are fetched for one path and its closure: as much as the memory for chunks holds by default.</summary>
    private const long BytesMax = 64 << 20;

    public async Task FetchAsync(PathHandle root, CancellationToken cancellationToken)
    {
        // 1. The records of the closure, and with them the hints, may be coming in just now.
        await closures.Arrival(Key256.OfHashPart(root.Path.BaseName)).WaitAsync(cancellationToken).ConfigureAwait(false);
        if (profiles.IsEmpty)
        {
            return;
        }

        // 2. The chunk lists, all at the same time. Nearly all came along with the records.
        var loading = new List<(Task<PathContent> Content, uint[] Runs)>();
        foreach (var path in ProfiledPathsOf(root))
        {
            var key = Key256.OfHashPart(path.BaseName);
            if (finder.FindKnown(in key, path) is { } handle && profiles.Take(in key) is { } runs)
            {
                loading.Add((contents.LoadContentAsync(handle), runs));
            }
        }

        // 3. The chunks.
        var bytesLeft = BytesMax;
        foreach (var (content, runs) in loading)
        {
            chunks.ReadAhead(await content.WaitAsync(cancellationToken).ConfigureAwait(false), runs, ref bytesLeft);
        }
    }

    // Nearest first. Records need not have been verified for this; they are before anything is read.
    private List<StorePath> ProfiledPathsOf(PathHandle root)
    {
        var found = new List<StorePath>();
        var queue = new Queue<StorePath>([root.Path]);
        var seen = new HashSet<StorePath> { root.Path };
        while (queue.TryDequeue(out var path))
        {
            var key = Key256.OfHashPart(path.BaseName);
            if (profiles.Has(in key))
            {
                found.Add(path);
            }

            var handle = table.Find(in key, path, out var record);
            foreach (var reference in handle is not null ? handle.Info.References : ReferencesOf(record))
            {
                if (seen.Count < PathsMax && seen.Add(reference))
                {
                    queue.Enqueue(reference);
                }
            }
        }

        return found;
    }

    private static List<StorePath> ReferencesOf(PathRecord? record)
    {
        var references = new List<StorePath>();
        foreach (var name in record?.References ?? [])
        {
            if (StorePath.TryParseBaseName(name, out var path))
            {
                references.Add(path);
            }
        }

        return references;
    }
}
