using System.Threading.Channels;

namespace NixFuseStore.Client.Changes;

/// <summary>Hands changes to all that watch. A slow watcher loses changes and gets one "resync" instead. Any thread.</summary>
internal sealed class ChangeHub
{
    /// <summary>Changes that may wait for one watcher.</summary>
    private const int QueuedMax = 8192;

    private readonly Lock _gate = new();
    private readonly List<Channel<StoreChange>> _watchers = [];

    public void Publish(StoreChange change)
    {
        lock (_gate)
        {
            foreach (var watcher in _watchers)
            {
                if (!watcher.Writer.TryWrite(change))
                {
                    // Full: whatever waits is covered by a resync, which then has room.
                    while (watcher.Reader.TryRead(out _))
                    {
                    }

                    watcher.Writer.TryWrite(new StoreChange(StoreChangeKind.Resync, ""));
                }
            }
        }
    }

    /// <summary>Changes from this call on, until cancelled.</summary>
    public IAsyncEnumerable<StoreChange> Watch(CancellationToken cancellationToken)
    {
        var channel = Channel.CreateBounded<StoreChange>(QueuedMax);
        lock (_gate)
        {
            _watchers.Add(channel);
        }

        return ReadAsync(channel, cancellationToken);
    }

    private async IAsyncEnumerable<StoreChange> ReadAsync(
        Channel<StoreChange> channel, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var change in channel.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return change;
            }
        }
        finally
        {
            lock (_gate)
            {
                _watchers.Remove(channel);
            }
        }
    }

    /// <summary>Ends all watches.</summary>
    public void Close()
    {
        lock (_gate)
        {
            foreach (var watcher in _watchers)
            {
                watcher.Writer.TryComplete();
            }
        }
    }
}
