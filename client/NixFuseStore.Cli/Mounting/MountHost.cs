using Microsoft.Win32.SafeHandles;
using NixFuseStore.Cache;
using NixFuseStore.Cli.Control;
using NixFuseStore.Cli.Daemon;
using NixFuseStore.Cli.LocalSockets;
using NixFuseStore.Cli.Settings;
using NixFuseStore.Client;
using NixFuseStore.Client.Server;
using NixFuseStore.FileSystem;
using NixFuseStore.Fuse.Mounting;
using NixFuseStore.Fuse.Sessions;
using NixFuseStore.Supervisor;

namespace NixFuseStore.Cli.Mounting;

/// <summary>
/// A mount and everything that serves it: the connection, the cache, the reader, the file system, the session, the control socket.
/// Partials: Starting (in which order they come), Serving (until when, and in which order they go), Control (what the socket answers).
/// </summary>
internal sealed partial class MountHost : IAsyncDisposable
{
    private readonly MountSettings _settings;
    private readonly CacheLocation _location;
    private readonly DateTimeOffset _started = DateTimeOffset.UtcNow;
    private readonly TaskCompletionSource _stopRequested = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<IDisposable> _signals = [];
    private readonly SupervisorLink _link;
    private readonly MountLog _log;

    /// <summary>Ends with the cache once it is open, or cannot be opened now; with null where it never will be.</summary>
    private readonly TaskCompletionSource<IChunkCache?> _cacheOpening = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // In the order in which they come to be; null until then.
    private ServerConnection? _connection;
    private StoreReader? _reader;
    private FuseMount? _mount;
    private SafeFileHandle? _nodeIds;
    private StoreFileSystem? _fileSystem;
    private FuseSession? _session;
    private DaemonEndpoint? _daemon;
    private ChunkCache? _cache;
    private SocketDirectory? _controlDirectory;
    private ControlServer? _control;
    private MountMetrics? _metrics;
    private MemoryTrimmer? _trimmer;
    private ITimer? _mountCheck;

    // Set once, under the lock beside it.
    private readonly Lock _ending = new();
    private Task? _daemonEnd;
    private bool _readAheadSet;

    private MountHost(MountSettings settings, CacheLocation location, SupervisorLink link, MountLog log)
    {
        _settings = settings;
        _location = location;
        _link = link;
        _log = log;
    }

    /// <summary>Clients that the Nix daemon serves at a time.</summary>
    private int DaemonConnectionsMax { get; init; }

    /// <summary>Where the store is mounted, as the mount table has it.</summary>
    public string MountPoint => _mount!.Path;

    private void Log(string line) => _log.Write(line);
}
