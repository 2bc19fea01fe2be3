using System.Diagnostics.CodeAnalysis;
using NixFuseStore.Client.Chunks;
using NixFuseStore.Client.ReadAhead;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;

namespace NixFuseStore.Client;

/// <content>Bytes of files, targets of symlinks.</content>
public sealed partial class StoreReader
{
    /// <summary>
    /// How long a read may wait of a path of which another read has just waited in vain as long as it may. The kernel asks up to twice more for a
    /// page that could not be read: the program is to be told once its deadline has passed, not after three of them.
    /// </summary>
    private static readonly TimeSpan RetryPatience = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a read that waited in vain counts.</summary>
    private static readonly TimeSpan InVainKept = TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    public bool TryRead(PathHandle handle, int entry, ulong offset, int length, [NotNullWhen(true)] out ReadLease? lease)
    {
        ArgumentNullException.ThrowIfNull(handle);
        lease = null;
        if (handle.Tree is not { } tree || handle.Content is not { } content)
        {
            return false;
        }

        var range = ContentRange.Locate(tree, content.Chunks, entry, offset, length);
        var result = ReadLease.Rent();
        var position = range.StreamStart;
        foreach (var slice in range)
        {
            var id = content.Chunks.Id(slice.Ordinal);
            if (!_chunkMemory.TryGet(in id, out var chunk))
            {
                result.Dispose();
                return false;
            }

            _fetcher.Offers.OnUsed(chunk, in id);
            Append(result, content, chunk, in slice, position);
            position += slice.Length;
        }

        AfterRead(content, tree, entry, in range, missed: false);
        if (range.Length > 0)
        {
            AfterHead(handle, tree, entry, in range, result);
        }

        lease = result;
        return true;
    }

    /// <inheritdoc/>
    public async ValueTask<ReadLease> ReadAsync(PathHandle handle, int entry, ulong offset, int length, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, StoreReaderOptions.ReadBytesMax);

        // 1. What the bytes are: tree and chunk list.
        var started = _time.GetTimestamp();
        var patience = PatienceFor(handle, started);
        var tree = handle.Tree;
        var content = handle.Content;
        if (tree is null || content is null)
        {
            OnEntered(handle, read: true);
            _ = PrefetchFromProfileAsync(handle);
            (tree, content) = await OpenContentAsync(handle, started, patience, cancellationToken).ConfigureAwait(false);
        }

        var range = ContentRange.Locate(tree, content.Chunks, entry, offset, length);
        if (range.Length == 0)
        {
            return ReadLease.Rent();
        }

        // 2. Ask for what is needed, then for what will be.
        var wait = new ChunkWait(range.ChunkCount);
        _fetcher.Request(content, range.FirstChunk, range.ChunkCount, wait);
        AfterRead(content, tree, entry, in range, missed: !wait.Done.IsCompleted);

        // 3. Wait.
        try
        {
            if (!wait.Done.IsCompletedSuccessfully)
            {
                await WaitAsync(wait.Done, handle, started, patience, cancellationToken).ConfigureAwait(false);
            }

            // 4. Hand out, hashes put back.
            var lease = Compose(content, in range, wait);
            AfterHead(handle, tree, entry, in range, lease);
            return lease;
        }
        finally
        {
            if (wait.Done.IsCompletedSuccessfully)
            {
                wait.Abandon();
            }
            else
            {
                _fetcher.Leave(content, range.FirstChunk, range.ChunkCount, wait);
            }
        }
    }

    /// <inheritdoc/>
    public bool TryReadLink(PathHandle handle, int entry, Span<byte> destination, out int written)
    {
        ArgumentNullException.ThrowIfNull(handle);
        written = 0;
        if (handle.Tree is not { } tree || tree.Kind(entry) != EntryKind.Symlink || tree.Size(entry) > (ulong)destination.Length)
        {
            return false;
        }

        written = tree.GetTarget(entry, handle.Header, destination);
        return true;
    }

    /// <inheritdoc/>
    public async ValueTask<byte[]> ReadLinkAsync(PathHandle handle, int entry, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        var tree = await GetTreeAsync(handle, cancellationToken).ConfigureAwait(false);
        var target = new byte[tree.Size(entry)];
        tree.GetTarget(entry, handle.Header, target);
        return target;
    }

    private async ValueTask<(ManifestTree Tree, PathContent Content)> OpenContentAsync(
        PathHandle handle, long started, TimeSpan patience, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                var loading = LoadContentOnceAsync(handle);
                await WaitAsync(loading, handle, started, patience, cancellationToken).ConfigureAwait(false);
                return (await GetTreeAsync(handle, cancellationToken).ConfigureAwait(false), await loading.ConfigureAwait(false));
            }
            catch (StoreUnavailableException) when (_time.GetElapsedTime(started) < patience)
            {
                // A page that a program has mapped: a server that restarts must not kill it, so this is tried as long as a read may take.
                await Task.Delay(TimeSpan.FromMilliseconds(200), _time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private TimeSpan PatienceFor(PathHandle handle, long now) =>
        handle.ReadInVainAt is var at and not 0 && _time.GetElapsedTime(at, now) < InVainKept && RetryPatience < _options.ReadDeadline
            ? RetryPatience
            : _options.ReadDeadline;

    private async Task WaitAsync(Task task, PathHandle handle, long started, TimeSpan patience, CancellationToken cancellationToken)
    {
        var left = patience - _time.GetElapsedTime(started);
        try
        {
            await task.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, _time, cancellationToken).ConfigureAwait(false);
            handle.ReadInVainAt = 0;
        }
        catch (TimeoutException e)
        {
            handle.ReadInVainAt = _time.GetTimestamp();
            var server = _connection.Current.Address.Authority;
            throw new StoreUnavailableException(
                $"bytes of {handle.Path} did not come within {patience.TotalSeconds:0.###} s: {_health.Failure?.Message ?? $"server {server} is slow"}", e);
        }
    }

    private static ReadLease Compose(PathContent content, in ContentRange range, ChunkWait wait)
    {
        var lease = ReadLease.Rent();
        var position = range.StreamStart;
        foreach (var slice in range)
        {
            Append(lease, content, wait.Take(slice.Ordinal - range.FirstChunk), in slice, position);
            position += slice.Length;
        }

        return lease;
    }

    // Takes over the reference to the chunk. Most slices hold no blank and are handed out as they lie.
    private static void Append(ReadLease lease, PathContent content, ChunkBuffer chunk, in ChunkSlice slice, long position)
    {
        if (content.Blanks is { } blanks && blanks.Overlaps(position, slice.Length))
        {
            var copy = ChunkBuffer.Allocate(slice.Length);
            chunk.Span.Slice(slice.Offset, slice.Length).CopyTo(copy.Span);
            chunk.Release();
            blanks.Patch(position, copy.Span);
            lease.Append(copy, 0, slice.Length);
        }
        else
        {
            lease.Append(chunk, slice.Offset, slice.Length);
        }
    }

    private void AfterRead(PathContent content, ManifestTree tree, int entry, in ContentRange range, bool missed)
    {
        if (range.Length == 0)
        {
            return;
        }

        // What is on its way because other hosts read it says nothing of what else will be read.
        missed = missed && !content.AreExpected(range.FirstChunk, range.ChunkCount);
        var access = SiblingPrefetch.Describe(tree, entry, range.StreamStart, range.Length, missed);
        for (var i = range.FirstChunk; i < range.FirstChunk + range.ChunkCount; i++)
        {
            if (!content.MarkRead(i, out var kind))
            {
                continue;
            }

            _uses.OnRead(content);
            if (kind != ReadAheadKind.None)
            {
                var length = content.Chunks.Length(i);
                _fetcher.Policy.OnUsed(content.ReadAhead, kind, access.FileStart, length);
                Interlocked.Add(ref _fetcher.Counters.ReadAheadUsedBytes, length);
            }
        }

        var plan = _fetcher.Policy.Plan(content.ReadAhead, in access, _fetcher.Link.ForReadAhead, content.Chunks.StreamLength);
        if (!plan.IsEmpty)
        {
            _fetcher.ReadAhead(content, in plan, access.FileStart);
        }

        if (plan.Beyond > 0)
        {
            EnterNext(content.Handle, plan.Beyond);
        }

        if (range.StreamStart == access.FileStart && content.TryStart(entry) && content.Companions.OnRead(tree, entry) is var companion and >= 0)
        {
            Expect(content, tree, companion);
        }
    }
}
