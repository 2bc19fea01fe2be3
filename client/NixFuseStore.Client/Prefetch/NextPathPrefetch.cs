using NixFuseStore.Client.Chunks;
using NixFuseStore.Client.ReadAhead;
using NixFuseStore.Client.Trees;

namespace NixFuseStore.Client.Prefetch;

/// <summary>
/// A reader of whole files comes to the end of a path: fetches the beginning of those that were listed behind it. One look ahead at a time; the next
/// read brings another one. Any thread.
/// </summary>
internal sealed class NextPathPrefetch(ContentLoader contents, ChunkFetcher chunks, ReadAheadPolicy policy, CancellationToken stop)
{
    /// <summary>Paths that are looked at for one window: many are tiny.</summary>
    private const int PathsAheadMax = 64;

    private readonly ListedOrder _order = new();
    private int _entering;
    private int _entered;

    /// <summary>How often the beginning of a next path was asked for.</summary>
    public int Entered => Volatile.Read(ref _entered);

    /// <summary>A program lists what is directly in a path.</summary>
    public void OnListed(PathHandle handle) => _order.OnListed(handle);

    /// <summary>A reader is expected to go on behind the end of a path, for so many bytes.</summary>
    public void OnEnd(PathHandle path, long bytes)
    {
        if (_order.TryGetNext(path, out var next) && Interlocked.Exchange(ref _entering, 1) == 0)
        {
            Interlocked.Increment(ref _entered);
            BackgroundPrefetch.Start(() => EnterAsync(next, bytes), onEnded: () => Volatile.Write(ref _entering, 0));
        }
    }

    private async Task EnterAsync(PathHandle? path, long bytes)
    {
        for (var i = 0; i < PathsAheadMax && bytes > 0 && path is not null; i++)
        {
            var content = path.Content ?? await contents.LoadContentAsync(path).WaitAsync(stop).ConfigureAwait(false);
            var length = content.Chunks.StreamLength;
            if (policy.Enter(content.ReadAhead, bytes, length) is { IsEmpty: false } range)
            {
                chunks.ReadAhead(content, in range, fileStart: 0);
            }

            bytes -= length;
            _order.TryGetNext(path, out path);
        }
    }
}
