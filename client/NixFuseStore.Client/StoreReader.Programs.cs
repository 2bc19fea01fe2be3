using NixFuseStore.Client.Chunks;
using NixFuseStore.Client.Prefetch.Programs;
using NixFuseStore.Client.ReadAhead;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;

namespace NixFuseStore.Client;

/// <content>Programs that start, and files that were looked up.</content>
public sealed partial class StoreReader
{
    /// <summary>A larger file that was looked up is fetched when it is read.</summary>
    private const ulong LookedBytesMax = 128 << 10;

    /// <summary>With a smaller share of looked-up files read, only every so often one is fetched, to notice when that changes.</summary>
    private const double LookedWorth = 0.3;
    private const int LookedProbe = 16;

    private int _looked;

    /// <inheritdoc/>
    public void Expect(PathHandle handle, int entry)
    {
        ArgumentNullException.ThrowIfNull(handle);
        if (handle.Tree is { } tree && handle.Content is { } content)
        {
            Expect(content, tree, entry);
        }
    }

    private void Expect(PathContent content, ManifestTree tree, int entry)
    {
        if (tree.Kind(entry) != EntryKind.Regular || tree.Size(entry) is 0 or > LookedBytesMax)
        {
            return;
        }

        if (_fetcher.Policy.Looked.Usefulness(1, (long)LookedBytesMax * 4) < LookedWorth && Interlocked.Increment(ref _looked) % LookedProbe != 0)
        {
            return;
        }

        var start = (long)tree.StreamOffset(entry);
        _fetcher.ReadAhead(content, new ReadAheadRange(start, start + (long)tree.Size(entry), ReadAheadKind.Looked), start);
    }

    // When the first bytes of a file are at hand.
    private void AfterHead(PathHandle handle, ManifestTree tree, int entry, in ContentRange range, ReadLease lease)
    {
        if (range.StreamStart == (long)tree.StreamOffset(entry) && tree.Size(entry) > 64)
        {
            _programs.OnHead(new StoreFile(handle, tree, entry), lease.Segments[0].Span);
        }
    }

    private sealed class ProgramFetcher(StoreReader reader) : IProgramFetcher
    {
        public async ValueTask<byte[]> ReadAsync(StoreFile file, FileRange range, CancellationToken cancellationToken)
        {
            var content = file.Handle.Content ?? await reader.LoadContentOnceAsync(file.Handle).WaitAsync(cancellationToken).ConfigureAwait(false);
            var located = ContentRange.Locate(file.Tree, content.Chunks, file.Entry, (ulong)range.Offset, (int)range.Length);
            if (located.Length == 0)
            {
                return [];
            }

            var wait = new ChunkWait(located.ChunkCount);
            reader._fetcher.Request(content, located.FirstChunk, located.ChunkCount, wait);
            try
            {
                await wait.Done.WaitAsync(reader._options.TreeDeadline, reader._time, cancellationToken).ConfigureAwait(false);
                using var lease = Compose(content, in located, wait);
                var bytes = new byte[lease.Length];
                lease.CopyTo(bytes);
                return bytes;
            }
            catch (TimeoutException e)
            {
                throw new StoreUnavailableException("the server is slow", e);
            }
            finally
            {
                reader._fetcher.Leave(content, located.FirstChunk, located.ChunkCount, wait);
            }
        }

        public void Fetch(StoreFile file, List<FileRange> ranges)
        {
            if (file.Handle.Content is not { } content)
            {
                return;
            }

            var start = (long)file.Tree.StreamOffset(file.Entry);
            foreach (var range in ranges)
            {
                reader._fetcher.ReadAhead(content, new ReadAheadRange(start + range.Offset, start + range.End, ReadAheadKind.Program), start);
            }
        }
    }
}
