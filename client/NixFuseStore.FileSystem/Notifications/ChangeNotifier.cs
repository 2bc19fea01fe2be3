using NixFuseStore.Client.Changes;
using NixFuseStore.Client.Contracts;
using NixFuseStore.FileSystem.Listing;
using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Fuse.Sessions;

namespace NixFuseStore.FileSystem.Notifications;

/// <summary>
/// Turns changes of the store into notifications to the kernel, on a thread of its own: the kernel waits in them for locks that a
/// lookup holds, so no request may ever wait for this thread.
/// </summary>
/// <remarks>Receiving (Watch), sending (Run) and rechecking after a gap (Recheck) are separate loops around one queue.</remarks>
internal sealed partial class ChangeNotifier : IAsyncDisposable
{
    /// <summary>Changes that may wait; with more, everything is rechecked instead.</summary>
    private const int QueuedMax = 16_384;

    /// <summary>How long changes are collected that no caller waits for: additions may come by the thousand a second, and each batch costs a
    /// notification to the kernel.</summary>
    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(5);

    private readonly IStoreReader _reader;
    private readonly FuseNotifier _kernel;
    private readonly StoreListing _listing;
    private readonly NegativeNames _negatives;
    private readonly PathNodes _nodes;
    private readonly Action<string>? _log;
    private readonly CancellationTokenSource _stopping = new();

    // Taken once: the thread may still be sending when the source is disposed.
    private readonly CancellationToken _stop;
    private readonly Thread _thread;
    private readonly object _gate = new();

    // All guarded by _gate, which the thread waits on.
    private List<StoreChange> _queue = [];
    private List<TaskCompletionSource> _waiting = [];
    private bool _listingChanged;
    private bool _stopped;

    private Task _watching = Task.CompletedTask;
    private Task _rechecking = Task.CompletedTask;

    public ChangeNotifier(
        IStoreReader reader, FuseNotifier kernel, StoreListing listing, NegativeNames negatives, PathNodes nodes, Action<string>? log)
    {
        _reader = reader;
        _kernel = kernel;
        _listing = listing;
        _negatives = negatives;
        _nodes = nodes;
        _log = log;
        _stop = _stopping.Token;
        _thread = new Thread(Run) { IsBackground = true, Name = "notify" };
    }

    /// <summary>Changes from this call on are told. To be called before the kernel's first request is answered.</summary>
    /// <param name="isResumed">The kernel has learned of paths from a process before: they are looked at again.</param>
    public void Start(bool isResumed)
    {
        _thread.Start();
        _watching = WatchAsync(_stop);
        if (isResumed)
        {
            Enqueue(new StoreChange(StoreChangeKind.Resync, ""));
        }
    }

    /// <summary>A path turned out to be gone: what the kernel keeps of its name has to go (again).</summary>
    public void AnnounceRemoval(string baseName) => Enqueue(new StoreChange(StoreChangeKind.Removed, baseName));

    /// <summary>
    /// A path was added through this process. Ends when the kernel no longer believes it absent, at once where it does not; only for
    /// callers that answer no request of the kernel.
    /// </summary>
    public Task AnnounceAdditionAsync(string baseName)
    {
        TaskCompletionSource? announced = null;
        if (_negatives.Contains(baseName))
        {
            announced = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (_gate)
            {
                if (_stopped)
                {
                    return Task.CompletedTask;
                }

                _waiting.Add(announced);
            }
        }

        Enqueue(new StoreChange(StoreChangeKind.Added, baseName));
        return announced?.Task ?? Task.CompletedTask;
    }

    /// <summary>The kernel may have kept an old listing.</summary>
    public void AnnounceListing()
    {
        lock (_gate)
        {
            _listingChanged = true;
            Monitor.Pulse(_gate);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        lock (_gate)
        {
            _stopped = true;
            _waiting.ForEach(static waiting => waiting.SetResult());
            _waiting.Clear();
            Monitor.Pulse(_gate);
        }

        await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _rechecking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // The thread may stand in a notification that waits for a lookup; it is a background thread and ends with the mount.
        _stopping.Dispose();
    }

    private void Enqueue(in StoreChange change)
    {
        lock (_gate)
        {
            // The thread was told of those before; it is told again where a caller waits, since then it does not linger.
            if (_queue.Count == 0 || _waiting.Count > 0)
            {
                Monitor.Pulse(_gate);
            }

            if (_queue.Count >= QueuedMax)
            {
                // Collapsed into one: whatever the queue said is found out again.
                _queue.Clear();
                _queue.Add(new StoreChange(StoreChangeKind.Resync, ""));
            }

            _queue.Add(change);
        }
    }
}
