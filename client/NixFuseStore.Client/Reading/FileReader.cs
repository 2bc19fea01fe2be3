using System.Diagnostics.CodeAnalysis;
using NixFuseStore.Cache;
using NixFuseStore.Client.Chunks;
using NixFuseStore.Client.Prefetch;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Reading;

/// <summary>Trees, bytes of files and targets of symlinks, for readers that wait; the planner is told what they read. Any thread.</summary>
/// <param name="connection">The server, for what is said of it.</param>
/// <param name="health">Its presence.</param>
/// <param name="contents">Opens trees and chunk lists.</param>
/// <param name="memory">Chunks in memory.</param>
/// <param name="chunks">Brings chunks.</param>
/// <param name="planner">Fetches ahead.</param>
/// <param name="deadline">How long a read may take, with all its retries.</param>
/// <param name="time">Clock.</param>
internal sealed class FileReader(
    ServerConnection connection,
    ServerHealth health,
    ContentLoader contents,
    ChunkMemory memory,
    ChunkFetcher chunks,
    PrefetchPlanner planner,
    TimeSpan deadline,
    TimeProvider time)
{
    /// <summary>
    /// How long a read may wait of a path of which another read has just waited in vain as long as it may. The kernel asks up to twice more for a
    /// page that could not be read: the program is to be told once its deadline has passed, not after three of them.
    /// </summary>
    private static readonly TimeSpan RetryPatience = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a read that waited in vain counts.</summary>
    private static readonly TimeSpan InVainKept = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(200);

    /// <summary>See <see cref="Contracts.IStoreReader.GetTreeAsync"/>.</summary>
    public ValueTask<ManifestTree> GetTreeAsync(PathHandle handle, CancellationToken cancellationToken)
    {
        if (handle.Tree is { } tree)
        {
            return new ValueTask<ManifestTree>(tree);
        }

        planner.OnTreeWanted(handle);
        return new ValueTask<ManifestTree>(contents.LoadTreeAsync(handle).WaitAsync(cancellationToken));
    }

    /// <summary>See <see cref="Contracts.IStoreReader.TryRead"/>.</summary>
    public bool TryRead(PathHandle handle, int entry, ulong offset, int length, [NotNullWhen(true)] out ReadLease? lease)
    {
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
            if (!memory.TryGet(in id, out var chunk))
            {
                result.Dispose();
                return false;
            }

            chunks.Offers.OnUsed(chunk, in id);
            LeaseComposer.Append(result, content, chunk, in slice, position);
            position += slice.Length;
        }

        if (range.Length > 0)
        {
            planner.OnRead(content, tree, entry, in range, missed: false);
            planner.OnArrived(handle, tree, entry, in range, result);
        }

        lease = result;
        return true;
    }

    /// <summary>See <see cref="Contracts.IStoreReader.ReadAsync"/>.</summary>
    public async ValueTask<ReadLease> ReadAsync(PathHandle handle, int entry, ulong offset, int length, CancellationToken cancellationToken)
    {
        // 1. What the bytes are: tree and chunk list.
        var started = time.GetTimestamp();
        var patience = PatienceFor(handle, started);
        var tree = handle.Tree;
        var content = handle.Content;
        if (tree is null || content is null)
        {
            planner.OnContentWanted(handle);
            (tree, content) = await OpenAsync(handle, started, patience, cancellationToken).ConfigureAwait(false);
        }

        var range = ContentRange.Locate(tree, content.Chunks, entry, offset, length);
        if (range.Length == 0)
        {
            return ReadLease.Rent();
        }

        // 2. Ask for what is needed, then for what will be.
        var wait = new ChunkWait(range.ChunkCount);
        chunks.Request(content, range.FirstChunk, range.ChunkCount, wait);
        planner.OnRead(content, tree, entry, in range, missed: !wait.Done.IsCompleted);

        // 3. Wait.
        try
        {
            if (!wait.Done.IsCompletedSuccessfully)
            {
                await WaitAsync(wait.Done, handle, started, patience, cancellationToken).ConfigureAwait(false);
            }

            // 4. Hand out, hashes put back.
            var lease = LeaseComposer.Compose(content, in range, wait);
            planner.OnArrived(handle, tree, entry, in range, lease);
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
                chunks.Leave(content, range.FirstChunk, range.ChunkCount, wait);
            }
        }
    }

    /// <summary>See <see cref="Contracts.IStoreReader.TryReadLink"/>.</summary>
    public static bool TryReadLink(PathHandle handle, int entry, Span<byte> destination, out int written)
    {
        written = 0;
        if (handle.Tree is not { } tree || tree.Kind(entry) != EntryKind.Symlink || tree.Size(entry) > (ulong)destination.Length)
        {
            return false;
        }

        written = tree.GetTarget(entry, handle.Header, destination);
        return true;
    }

    /// <summary>See <see cref="Contracts.IStoreReader.ReadLinkAsync"/>.</summary>
    public async ValueTask<byte[]> ReadLinkAsync(PathHandle handle, int entry, CancellationToken cancellationToken)
    {
        var tree = await GetTreeAsync(handle, cancellationToken).ConfigureAwait(false);
        var target = new byte[tree.Size(entry)];
        tree.GetTarget(entry, handle.Header, target);
        return target;
    }

    private async ValueTask<(ManifestTree Tree, PathContent Content)> OpenAsync(
        PathHandle handle, long started, TimeSpan patience, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                var loading = contents.LoadContentAsync(handle);
                await WaitAsync(loading, handle, started, patience, cancellationToken).ConfigureAwait(false);
                return (await GetTreeAsync(handle, cancellationToken).ConfigureAwait(false), await loading.ConfigureAwait(false));
            }
            catch (StoreUnavailableException) when (time.GetElapsedTime(started) < patience)
            {
                // A page that a program has mapped: a server that restarts must not kill it, so this is tried as long as a read may take.
                await Task.Delay(RetryDelay, time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private TimeSpan PatienceFor(PathHandle handle, long now) =>
        handle.ReadInVainAt is var at and not 0 && time.GetElapsedTime(at, now) < InVainKept && RetryPatience < deadline
            ? RetryPatience
            : deadline;

    private async Task WaitAsync(Task task, PathHandle handle, long started, TimeSpan patience, CancellationToken cancellationToken)
    {
        var left = patience - time.GetElapsedTime(started);
        try
        {
            await task.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, time, cancellationToken).ConfigureAwait(false);
            handle.ReadInVainAt = 0;
        }
        catch (TimeoutException e)
        {
            handle.ReadInVainAt = time.GetTimestamp();
            var server = connection.Current.Address.Authority;
            throw new StoreUnavailableException(
                $"bytes of {handle.Path} did not come within {patience.TotalSeconds:0.###} s: {health.Failure?.Message ?? $"server {server} is slow"}", e);
        }
    }
}
