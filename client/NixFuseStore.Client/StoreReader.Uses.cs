using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Trees;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client;

/// <content>What other hosts read of a path and of what it refers to, fetched together.</content>
public sealed partial class StoreReader
{
    /// <summary>Paths of a closure that are looked at.</summary>
    private const int UsedPathsMax = 10_000;

    /// <summary>Plain bytes that are fetched for one path and its closure: as much as the memory for chunks holds by default.</summary>
    private const long UsedBytesMax = 64 << 20;

    // When a path's content is wanted for the first time. A guess, so its failures are told to no caller.
    private async Task PrefetchFromProfileAsync(PathHandle root)
    {
        // What the reader himself waits for goes first.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            await FetchUsedAsync(root).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // No caller asked for this. A read of the same is told the error.
        }
    }

    private async Task FetchUsedAsync(PathHandle root)
    {
        // 1. The records of the closure, and with them the hints, may be coming in just now.
        await _closures.Arrival(Key256.OfHashPart(root.Path.BaseName)).WaitAsync(_stop.Token).ConfigureAwait(false);
        if (Used.IsEmpty)
        {
            return;
        }

        // 2. The chunk lists, all at the same time. Nearly all came along with the records.
        var loading = new List<(Task<PathContent> Content, uint[] Runs)>();
        foreach (var path in UsedPathsOf(root))
        {
            var key = Key256.OfHashPart(path.BaseName);
            if (TryFindHere(in key, path) is { } handle && Used.Take(in key) is { } runs)
            {
                loading.Add((LoadContentOnceAsync(handle), runs));
            }
        }

        // 3. The chunks.
        var bytesLeft = UsedBytesMax;
        foreach (var (content, runs) in loading)
        {
            _fetcher.ReadAhead(await content.WaitAsync(_stop.Token).ConfigureAwait(false), runs, ref bytesLeft);
        }
    }

    // Nearest first. Records need not have been verified for this; they are before anything is read.
    private List<StorePath> UsedPathsOf(PathHandle root)
    {
        var found = new List<StorePath>();
        var queue = new Queue<StorePath>([root.Path]);
        var seen = new HashSet<StorePath> { root.Path };
        while (queue.TryDequeue(out var path))
        {
            var key = Key256.OfHashPart(path.BaseName);
            if (Used.Has(in key))
            {
                found.Add(path);
            }

            var handle = _table.Find(in key, path, out var record);
            foreach (var reference in handle is not null ? handle.Info.References : ReferencesOf(record))
            {
                if (seen.Count < UsedPathsMax && seen.Add(reference))
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
