using NixFuseStore.Client.Chunks;
using NixFuseStore.Client.Lookup;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.ReadAhead;
using NixFuseStore.Client.Trees;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Prefetch;

/// <summary>
/// A program goes through the store in the order of names: fetches records and sections of the paths ahead many at a time, and, where it reads, small
/// paths whole. <see cref="PathScan"/> decides. Any thread.
/// </summary>
internal sealed class ScanPrefetch(
    PathFinder finder, PathListing listing, ClosureFetcher closures, ContentLoader contents, ChunkFetcher chunks, ReadAheadPolicy policy, CancellationToken stop)
{
    /// <summary>Paths of at most so much content are fetched whole where a program reads path after path.</summary>
    private const long SmallPathBytes = 64 << 10;

    /// <summary>The same of all paths of one step of a scan.</summary>
    private const long SmallPathsBytes = 4 << 20;

    private readonly PathScan _scan = new();

    /// <summary>The first look inside a path of which nothing was here, or that came with a scan.</summary>
    /// <param name="handle">The path.</param>
    /// <param name="read">Content is read, rather than names and sizes.</param>
    public void OnEntered(PathHandle handle, bool read)
    {
        if (_scan.OnEntered(handle.Path.BaseName, read) is { } step)
        {
            BackgroundPrefetch.Start(() => FetchAsync(step), onFailed: _scan.OnFailed);
        }
    }

    private async Task FetchAsync(ScanStep step)
    {
        var page = await listing.ListFromServerAsync(step.After, step.Limit, stop).ConfigureAwait(false);
        var names = _scan.OnListed(in step, [.. page.Entries.Select(static entry => entry.BaseName)]);
        await closures.FetchPathsAsync([.. names.Where(name => !IsHere(name)).Select(static name => name[..StorePath.HashPartLength])]).ConfigureAwait(false);
        if (step.WithContent)
        {
            await FetchSmallPathsAsync(names).ConfigureAwait(false);
        }
    }

    private async Task FetchSmallPathsAsync(IReadOnlyList<string> names)
    {
        var left = SmallPathsBytes;
        foreach (var name in names)
        {
            if (!StorePath.TryParseBaseName(name, out var path) || finder.FindKnown(path) is not { } handle || !contents.IsHere(handle.Header))
            {
                continue;
            }

            var content = handle.Content ?? await contents.LoadContentAsync(handle).WaitAsync(stop).ConfigureAwait(false);
            var length = content.Chunks.StreamLength;
            if (length <= Math.Min(SmallPathBytes, left) && policy.Enter(content.ReadAhead, length, length) is { IsEmpty: false } range)
            {
                chunks.ReadAhead(content, in range, fileStart: 0);
                left -= length;
            }
        }
    }

    private bool IsHere(string baseName) =>
        StorePath.TryParseBaseName(baseName, out var path) && finder.FindKnown(path) is { } handle && contents.IsHere(handle.Header);
}
