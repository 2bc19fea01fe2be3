using NixFuseStore.Cache;
using NixFuseStore.Cli.Control;
using NixFuseStore.Cli.Daemon;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.LocalSockets;
using NixFuseStore.Cli.Settings;
using NixFuseStore.Client;
using NixFuseStore.Client.Relations;
using NixFuseStore.FileSystem;
using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Fuse.Mounting;
using NixFuseStore.Fuse.Sessions;
using NixFuseStore.Native.Linux;
using NixFuseStore.Supervisor;
using NixFuseStore.Supervisor.Messages;

namespace NixFuseStore.Cli.Mounting;

/// <content>How a mount comes to be. What can be done at the same time is: a job waits for it.</content>
internal sealed partial class MountHost
{
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Mounts, or goes on with a mount. When this returns, it is usable; when it throws, nothing new is left behind.</summary>
    /// <param name="settings">What was asked for.</param>
    /// <param name="libraries">Ends when what the process cannot do without is loaded, or fails with what is missing.</param>
    /// <param name="link">The supervisor, who may have the mount already. Stays the caller's.</param>
    /// <param name="log">The mount's log. Stays the caller's.</param>
    public static async Task<MountHost> StartAsync(MountSettings settings, Task libraries, SupervisorLink link, MountLog log)
    {
        var daemonConnectionsMax = OpenFiles.Prepare();
        var location = CacheLocation.Find(settings.CacheDirectory, settings.Store.Servers, settings.Store.Store);
        location.Create();
        var host = new MountHost(settings, location, link, log) { DaemonConnectionsMax = daemonConnectionsMax };
        try
        {
            // 1. What would be in vain without it: the place where commands find us.
            host.ListenForSignals();
            if (link.IsCandidate)
            {
                // Another process serves the mount, and has its cache. What can be made ready without those is, and what cannot be used is found out.
                await libraries.ConfigureAwait(false);
                settings.Store.ParseTrustedPublicKeys();
                await link.WaitForTurnAsync().ConfigureAwait(false);
            }

            if (link.Resumed is not null)
            {
                host.LeaveTerminal();
                host.Log($"process {Environment.ProcessId} goes on serving the mount: {link.ResumeReason}");
            }

            host._controlDirectory = RuntimeDirectory.OpenOwnControl();

            // 2. Side by side: the server is met, while the kernel is asked for the mount.
            var opening = Task.Run(() => host.OpenStoreAsync(libraries));
            try
            {
                host._mount = link.Resumed is { } kept ? FuseMount.Adopt(kept.Mount, link.Files!.Device) : Mount(settings, link);
            }
            finally
            {
                // Whatever went wrong with the mount: the other half must end before things are put away.
                await opening.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            await opening.ConfigureAwait(false);

            // 3. The kernel meets the file system.
            await host.ServeAsync().ConfigureAwait(false);
            host.OpenCache();
            host.StartMetrics();

            // 4. From here on others can find us.
            host._control = link.Resumed is { } resumed
                ? ControlServer.Resume(host._controlDirectory, resumed.ControlName, link.Files!.Control, host.HandleAsync, host.Log)
                : ControlServer.Start(host._controlDirectory, host.HandleAsync, host.Log);
            if (link.Resumed is null)
            {
                host.HandToSupervisor();
            }

            return host;
        }
        catch when (link.IsKept)
        {
            // The mount goes on without this process, which ends with all that it has.
            throw;
        }
        catch
        {
            await host.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private void StartMetrics()
    {
        try
        {
            _metrics = _settings.Metrics is { } address ? MountMetrics.Start(address, ReadCounters) : null;
        }
        catch (CliException e) when (_link.Resumed is not null)
        {
            // Readers wait, and another process may have taken the address meanwhile.
            Log(e.Message);
        }
    }

    /// <summary>From here on the mount outlives this process.</summary>
    private void HandToSupervisor()
    {
        if (!_reader!.IsConnected)
        {
            _link.Note($"{_reader.Status.Failure ?? $"server {_settings.Store.Server} is not available"}; what is cached is served until it is");
        }

        Log($"mounted {_settings.Store.Store} of {_settings.Store.Server} at {MountPoint}, process {Environment.ProcessId}");
        var connection = _session!.Connection.Result;
        var socket = _fileSystem!.Socket;
        var mount = new KeptMount
        {
            Mount = _mount!.State,
            Minor = connection.Minor,
            Features = (ulong)connection.Features,
            ReadAheadBytes = connection.ReadAheadBytes,
            ControlDirectory = _control!.Address.Directory,
            ControlName = _control.Address.Name,
            Daemon = _daemon is null ? null : new KeptSocket(
                _daemon.SocketPath, _daemon.Socket.MountName, socket?.Node ?? 0, socket?.Mode ?? 0, socket?.UserId ?? 0, socket?.GroupId ?? 0),
            Arguments =
            [
                "--server", string.Join(',', _settings.Store.Servers.Select(static server => server.OriginalString)),
                "--store", _settings.Store.Store,
                "--cache-dir", _location.Directory,
                .. _settings.Store.TrustedPublicKeys.SelectMany(static key => (string[])["--trusted-public-key", key]),
                .. _settings.Store.TlsAuthorityFile is { } authority ? (string[])["--tls-ca", Path.GetFullPath(authority)] : [],
            ],
            Log = _settings.IsDetached ? _location.Log : null,
        };
        LeaveTerminal();
        _link.Keep(mount, new KeptFiles(_mount.Channel.Device, _nodeIds!, _control.Listener, _daemon?.Socket.Listener.SafeHandle));
    }

    /// <summary>A session of our own, and a log in place of standard error. Nothing to do in the foreground.</summary>
    private void LeaveTerminal()
    {
        // Not on our own mount, nor on anything that is to be unmounted.
        Environment.CurrentDirectory = "/";
        if (_settings.IsDetached)
        {
            Libc.StartSession();
            _log.MoveTo(_location.Log);
        }
    }

    private static FuseMount Mount(MountSettings settings, SupervisorLink link)
    {
        var mount = Mount(settings, link.Note);
        link.Made(mount.State);
        return mount;
    }

    private static FuseMount Mount(MountSettings settings, Action<string> note)
    {
        var options = new FuseMountOptions { Source = $"nixfuse:{settings.Store.Store}" };
        try
        {
            return FuseMount.Create(settings.MountPoint, options);
        }
        catch (FuseMountException e) when (e.Problem == FuseMountProblem.Stale)
        {
            note($"a mount whose process has died was still at {settings.MountPoint}; it is unmounted now");
            FuseMount.TryUnmount(settings.MountPoint, lazyWhenBusy: true);
            return FuseMount.Create(settings.MountPoint, options);
        }
    }

    private async Task OpenStoreAsync(Task libraries)
    {
        // Nothing before this may use cryptography: without its library, the runtime ends the process.
        await libraries.ConfigureAwait(false);

        _connection = _settings.Store.Connect();
        _reader = await StoreReader.OpenAsync(_connection, _cacheOpening.Task, new StoreReaderOptions
        {
            TrustedPublicKeys = _settings.Store.ParseTrustedPublicKeys(),
            MetadataDirectory = _location.Metadata,
            IsResumed = _link.Resumed is not null,
            Notice = Log,
        }, CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>The cache is opened on a thread of its own; reads wait for it, the mount does not.</summary>
    private void OpenCache()
    {
        _cache = ChunkCache.OpenInBackground(new ChunkCacheOptions
        {
            Directory = _location.Chunks,
            SizeBytesMax = _settings.CacheBytesMax,
            WaitsForDirectory = _link.Resumed is not null,
            Notice = Log,
        });
        _location.RememberSize(_settings.CacheBytesMax, Log);
        _ = TellOpenedAsync(_cache);
    }

    private async Task TellOpenedAsync(ChunkCache cache)
    {
        // A full disk, say, is no end: the cache has said so, and goes on trying; until then everything is missing.
        await cache.WaitUntilOpenAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _cacheOpening.TrySetResult(cache);
    }

    private async Task ServeAsync()
    {
        var resumed = _link.Resumed;
        _nodeIds = _link.Files?.NodeIds ?? Libc.CreateMemoryFile("nixfuse-node-ids");
        _fileSystem = new StoreFileSystem(_reader!, new StoreFileSystemOptions
        {
            Store = CacheLocation.StoreKey(_settings.Store.Servers, _settings.Store.Store),
            NodeIds = _nodeIds,
            Socket = resumed?.Daemon is { Node: > 0 } socket ? new DaemonSocketNode(socket.Node, socket.Mode, socket.UserId, socket.GroupId) : null,
            FindBuildLog = new BuildLogs(_reader!).FindAsync,
            Log = Log,
        });
        _session = new FuseSession(_mount!.Channel, _fileSystem, new FuseSessionOptions
        {
            OnUnexpected = (operation, exception) => Log($"{operation}: {exception}"),
            Trace = _settings.Trace ? Log : null,
            Resume = resumed?.Connection,
            OnFirstAnswer = _link.Served,
        });
        _fileSystem.StartNotifications(_session.Notifier);
        _session.Start();
        await _session.Connection.WaitAsync(HandshakeTimeout).ConfigureAwait(false);

        try
        {
            if (resumed is null || resumed.Daemon is not null)
            {
                var daemonSocket = resumed?.Daemon is { } kept ? DaemonSocket.Adopt(kept, _link.Files!.Daemon!) : DaemonSocket.Bind(_mount);
                _daemon = DaemonEndpoint.Start(daemonSocket, _mount, _connection!, _reader!, _fileSystem, _location, _settings, DaemonConnectionsMax, Log);
            }
        }
        catch (Exception e) when (e is IOException or CliException)
        {
            // Files can be had without it; and who connects is refused.
            Log(e.Message);
            if (resumed is not null)
            {
                _link.EndDaemon();
            }
        }

        // Only now, since binding a socket inside takes a writable mount, and INIT lowers the read-ahead again.
        if (resumed is null)
        {
            _mount.RemountReadOnly();
        }

        _readAheadSet = _mount.SetReadAhead(_settings.ReadAheadKibibytes);
        _mountCheck = WatchMount();
        _trimmer = new MemoryTrimmer(() => _session.GetStatistics().Total);
    }
}
