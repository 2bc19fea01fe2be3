using System.Net.Sockets;
using NixFuseStore.Builds;
using NixFuseStore.Builds.Cells;
using NixFuseStore.Builds.Fleet;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.Settings;
using NixFuseStore.Client;
using NixFuseStore.Client.Adding;
using NixFuseStore.Client.Server;
using NixFuseStore.Daemon;
using NixFuseStore.FileSystem;
using NixFuseStore.Fuse.Mounting;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Cli.Daemon;

/// <summary>The Nix daemon of a mount: from the binding of its socket until the mount ends.</summary>
internal sealed class DaemonEndpoint : IAsyncDisposable
{
    private static readonly TimeSpan ContactPatience = TimeSpan.FromSeconds(5);

    private readonly MountedStore _store;
    private readonly Task<Service> _server;

    private readonly DaemonSocket _socket;
    private readonly Action<string> _log;

    private DaemonEndpoint(DaemonSocket socket, MountedStore store, Task<Service> server, Action<string> log)
    {
        _socket = socket;
        _log = log;
        _store = store;
        _server = server;
    }

    /// <summary>Where clients find it.</summary>
    public string SocketPath => _socket.Path;

    /// <summary>The socket.</summary>
    public DaemonSocket Socket => _socket;

    /// <summary>What was added through it and waits to be registered.</summary>
    public JournalStatus? Journal => _store.Journal;

    /// <summary>
    /// Serves a socket; clients that connect wait in the kernel's queue until the server behind it is loaded, which the mount does not wait for.
    /// </summary>
    /// <param name="socket">The socket; the endpoint's from now on.</param>
    /// <param name="mount">The mount, which is served.</param>
    /// <param name="connection">The server.</param>
    /// <param name="reader">The store.</param>
    /// <param name="fileSystem">What shows the store in the mount.</param>
    /// <param name="location">Where the journal lies.</param>
    /// <param name="settings">How the mount was asked for.</param>
    /// <param name="connectionsMax">Clients served at a time.</param>
    /// <param name="log">Told in one line what an operator should know.</param>
    public static DaemonEndpoint Start(
        DaemonSocket socket,
        FuseMount mount,
        ServerConnection connection,
        StoreReader reader,
        StoreFileSystem fileSystem,
        CacheLocation location,
        MountSettings settings,
        int connectionsMax,
        Action<string> log)
    {
        var store = new MountedStore(
            connection,
            reader,
            new StoreWriterOptions { JournalDirectory = location.Journal, Announce = fileSystem.AnnounceAdditionAsync, Log = log },
            log);
        store.Recover();
        return new DaemonEndpoint(
            socket, store, Task.Run(ServeAsync), log);

        async Task<Service> ServeAsync()
        {
            // What a client may do depends on the mount's token, which only the server knows. It was met before, unless another process goes on
            // with the mount.
            await reader.FirstContact.WaitAsync(ContactPatience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return Serve(socket.Listener, store, reader, fileSystem, mount, location, settings, connectionsMax, log);
        }
    }

    /// <summary>What builds; null where nothing does, or the daemon is still being loaded.</summary>
    public HostBuilder? Builder => _server.IsCompletedSuccessfully ? _server.Result.Builder : null;

    /// <summary>Clients now.</summary>
    public int ConnectionCount => _server.IsCompletedSuccessfully ? _server.Result.Server.ConnectionCount : 0;

    /// <summary>Hangs up on all clients, and ends what they had asked for. Each half ends even where the other fails.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            var server = await _server.ConfigureAwait(false);
            await server.DisposeAsync().ConfigureAwait(false);
        }
#pragma warning disable CA1031 // A daemon that could not be loaded, or does not end well: the store behind it still has to.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _log($"the Nix daemon failed: {ErrorLine.Describe(e)}");
        }
        finally
        {
            await _store.DisposeAsync().ConfigureAwait(false);
            RemoveSocket();
        }
    }

    private void RemoveSocket()
    {
        try
        {
            _socket.Dispose();
        }
        catch (CliException e)
        {
            _log($"the Nix daemon socket {_socket.Path} stays behind: {e.Message}");
        }
    }

    private static Service Serve(
        Socket listener,
        MountedStore store,
        StoreReader reader,
        StoreFileSystem fileSystem,
        FuseMount mount,
        CacheLocation location,
        MountSettings settings,
        int connectionsMax,
        Action<string> log)
    {
        var builder = CreateBuilder(store, store.OpenFleet(fileSystem.AnnounceAdditionAsync), mount, location, settings.Builds, log);
        var server = new DaemonServer(
            listener,
            store,
            builder,
            new DaemonOptions
            {
                // Not while it is unknown whether the token may write: trust lasts as long as the connection.
                Trusts = peer => reader.MayWrite == true && settings.Trusted.Trusts(peer),
                TrustedKeys = reader.TrustedKeys,
                TemporaryDirectory = location.Directory,
                ConnectionsMax = connectionsMax,
                Notice = log,
                Trace = settings.Trace ? log : null,
            });
        return new Service(server, builder as HostBuilder);
    }

    private static IBuilder CreateBuilder(
        MountedStore store, MountedFleet fleet, FuseMount mount, CacheLocation location, BuildSettings? settings, Action<string> log)
    {
        if (settings is null)
        {
            return new RefusingBuilder("builds are switched off here (--no-builds)");
        }

        if (Libc.EffectiveUserId != 0)
        {
            return new RefusingBuilder("only a mount that root has started builds");
        }

        try
        {
            var options = new HostBuilderOptions
            {
                Store = store,
                Fleet = fleet,
                MountedStore = Path.Join(mount.Path, "store"),
                Directory = settings.Directory is { } given ? Path.Join(given, "nixfuse-builds") : location.Builds,
                NixPrograms = settings.Nix,
                Secrets = [location.Directory],
                BuildsForOthers = settings.BuildsForOthers,
                Notice = log,
            };
            return new HostBuilder(options with
            {
                JobsMax = settings.JobsMax ?? options.JobsMax,
                Cores = settings.Cores ?? options.Cores,
                Limits = new CellLimits(settings.MemoryBytes ?? options.Limits.MemoryBytes, settings.Processes ?? options.Limits.Processes),
                Host = new BuildNeeds(
                    settings.ExtraPlatforms is { } platforms ? [options.Host.Systems[0], .. platforms] : options.Host.Systems,
                    settings.SystemFeatures ?? options.Host.Features),
            });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log($"nothing is built here: {e.Message}");
            return new RefusingBuilder($"the directory for builds cannot be used ({e.Message.TrimEnd('.')})");
        }
    }

    /// <summary>What serves clients.</summary>
    private sealed record Service(DaemonServer Server, HostBuilder? Builder) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Server.DisposeAsync().ConfigureAwait(false);
            if (Builder is not null)
            {
                await Builder.DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}
