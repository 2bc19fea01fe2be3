using NixFuseStore.Client.Chunks;
using NixFuseStore.Client.ReadAhead;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Prefetch.Programs;

/// <summary>Parts of programs, out of the chunks of a store.</summary>
/// <param name="contents">Opens chunk lists.</param>
/// <param name="chunks">Brings chunks.</param>
/// <param name="deadline">How long a part may take that is waited for.</param>
/// <param name="time">Clock.</param>
internal sealed class ProgramFetcher(ContentLoader contents, ChunkFetcher chunks, TimeSpan deadline, TimeProvider time) : IProgramFetcher
{
    /// <inheritdoc/>
    public async ValueTask<byte[]> ReadAsync(StoreFile file, FileRange range, CancellationToken cancellationToken)
    {
        var content = file.Handle.Content ?? await contents.LoadContentAsync(file.Handle).WaitAsync(cancellationToken).ConfigureAwait(false);
        var located = ContentRange.Locate(file.Tree, content.Chunks, file.Entry, (ulong)range.Offset, (int)range.Length);
        if (located.Length == 0)
        {
            return [];
        }

        var wait = new ChunkWait(located.ChunkCount);
        chunks.Request(content, located.FirstChunk, located.ChunkCount, wait);
        try
        {
            await wait.Done.WaitAsync(deadline, time, cancellationToken).ConfigureAwait(false);
            using var lease = LeaseComposer.Compose(content, in located, wait);
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
            chunks.Leave(content, located.FirstChunk, located.ChunkCount, wait);
        }
    }

    /// <inheritdoc/>
    public void Fetch(StoreFile file, List<FileRange> ranges)
    {
        if (file.Handle.Content is not { } content)
        {
            return;
        }

        var start = (long)file.Tree.StreamOffset(file.Entry);
        foreach (var range in ranges)
        {
            chunks.ReadAhead(content, new ReadAheadRange(start + range.Offset, start + range.End, ReadAheadKind.Program), start);
        }
    }
}
