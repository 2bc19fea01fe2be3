using NixFuseStore.Client.Contracts;
using NixFuseStore.FileSystem.Errors;
using NixFuseStore.FileSystem.Listing;
using NixFuseStore.FileSystem.Logs;
using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.FileSystem.Notifications;
using NixFuseStore.Fuse.FileSystems;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Sessions;
using NixFuseStore.Nix;

namespace NixFuseStore.FileSystem;

/// <summary>
/// A remote store as a file system: <c>store/</c> with all valid paths, <c>var/nix/daemon-socket/</c>, and build logs. What is in memory is
/// answered on the spot and without allocation; the rest waits, away from the dispatch threads and up to a deadline.
/// </summary>
/// <remarks>
/// Partials by concern: Lookup, Attributes, Directories (below a path and fixed), StoreDirectory (the listing of <c>store/</c>),
/// Reading, Socket, Logs, Resolving (from node ids to trees).
/// </remarks>
public sealed partial class StoreFileSystem : IFuseFileSystem, IAsyncDisposable
{
    /// <summary>For how long after its negative answer a new path's name is announced to the kernel.</summary>
    private static readonly TimeSpan NegativeNamesKept = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan AdditionDeadline = TimeSpan.FromSeconds(1);

    private readonly IStoreReader _reader;
    private readonly StoreFileSystemOptions _options;
    private readonly NodeIdTable _slots;
    private readonly PathNodes _nodes;
    private readonly StoreListing _listing;
    private readonly RecordReadAhead _recordReadAhead;
    private readonly NegativeNames _negatives;
    private readonly LogFiles _logs;
    private readonly ErrorLog _errors;
    private readonly FuseTimeout _negativeTimeout;
    private ChangeNotifier? _notifier;

    /// <summary>A file system over a store.</summary>
    /// <param name="reader">The store. Not disposed here.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="InvalidDataException">The node ids of the process before are of another version.</exception>
    public StoreFileSystem(IStoreReader reader, StoreFileSystemOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(reader);
        _reader = reader;
        _options = options ?? new StoreFileSystemOptions();
        _slots = _options.NodeIds is { } file ? NodeIdTable.Open(file) : NodeIdTable.InMemory();
        _socket = _options.Socket;
        _nextSocket = _socket is { } socket ? socket.Node + 1 : FixedNodes.SocketFirst;
        _nodes = new PathNodes(_slots, _options.Store);
        _logs = new LogFiles(_slots, _options.Store);
        _listing = new StoreListing(reader, _options.Time);
        _recordReadAhead = new RecordReadAhead(_listing);
        _negatives = new NegativeNames(_options.Time, NegativeNamesKept, _slots.IsResumed);
        _errors = new ErrorLog(_options.Log, _options.Time);
        _negativeTimeout = FuseTimeout.FromMilliseconds((uint)_options.NegativeTimeout.TotalMilliseconds);
    }

    /// <summary>Requests that failed since the beginning.</summary>
    public long Failures => _errors.Failures;

    /// <summary>Store paths that were given node ids, also by earlier processes, as far as they are remembered.</summary>
    public int Slots => _slots.Count;

    /// <summary>Store paths that the kernel knows a file of, or did lately.</summary>
    public int PathsInUse => _nodes.Count;

    /// <summary>Begins to tell the kernel about changes of the store, and of those that it has missed since the process before. Once, before the session starts.</summary>
    public void StartNotifications(FuseNotifier kernel)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        var notifier = new ChangeNotifier(_reader, kernel, _listing, _negatives, _nodes, _options.Log);
        if (Interlocked.CompareExchange(ref _notifier, notifier, null) is not null)
        {
            throw new InvalidOperationException("Notifications were started before.");
        }

        notifier.Start(_slots.IsResumed);
    }

    /// <summary>
    /// A path was added through this process: ends when it can be looked up in the mount, or after a second. Only for callers that answer
    /// no request of the kernel.
    /// </summary>
    public async ValueTask AnnounceAdditionAsync(StorePath path, CancellationToken cancellationToken)
    {
        if (_notifier is not { } notifier)
        {
            return;
        }

        try
        {
            await notifier.AnnounceAdditionAsync(path.BaseName).WaitAsync(AdditionDeadline, _options.Time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // The kernel's own timeout for absent names has passed by then.
        }
    }

    /// <inheritdoc/>
    public void Forget(ulong node, ulong lookups)
    {
        // Node ids are computed; but the handle of a path that the kernel knows no node of can go.
        if (new NodeId(node) is { IsFixed: false } forgotten)
        {
            _nodes.Release(forgotten.Slot, lookups);
        }
    }

    /// <summary>Ends notifications. Requests must have ended. A second call does nothing.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _notifier, null) is { } notifier)
        {
            await notifier.DisposeAsync().ConfigureAwait(false);
        }

        _listing.Dispose();
    }
}
