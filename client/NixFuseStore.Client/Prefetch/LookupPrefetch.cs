using NixFuseStore.Client.Chunks;
using NixFuseStore.Client.ReadAhead;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Prefetch;

/// <summary>Fetches small files that a program looked up, as long as enough of them are then read. Any thread.</summary>
internal sealed class LookupPrefetch(ChunkFetcher chunks, PrefetchHitRates rates)
{
    /// <summary>A larger file that was looked up is fetched when it is read.</summary>
    private const ulong FileBytesMax = 128 << 10;

    /// <summary>With a smaller share of looked-up files read, only every so often one is fetched, to notice when that changes.</summary>
    private const double Worth = 0.3;
    private const int Probe = 16;

    private int _passedOver;

    /// <summary>A program looked up a file, or is expected to.</summary>
    public void OnLookup(PathContent content, ManifestTree tree, int entry)
    {
        if (tree.Kind(entry) != EntryKind.Regular || tree.Size(entry) is 0 or > FileBytesMax)
        {
            return;
        }

        if (rates[ReadAheadKind.Lookup].ShareRead(1, (long)FileBytesMax * 4) < Worth && Interlocked.Increment(ref _passedOver) % Probe != 0)
        {
            return;
        }

        var start = (long)tree.StreamOffset(entry);
        chunks.ReadAhead(content, new ReadAheadRange(start, start + (long)tree.Size(entry), ReadAheadKind.Lookup), start);
    }
}
