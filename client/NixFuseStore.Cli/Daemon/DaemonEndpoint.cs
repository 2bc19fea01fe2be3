using System.Net.Sockets;
using NixFuseStore.Cli.Mounting;
using NixFuseStore.Client;
using NixFuseStore.Client.Reading;
using NixFuseStore.Client.Writing;
using NixFuseStore.Daemon;
using NixFuseStore.FileSystem;
using NixFuseStore.Fuse.Mounting;

namespace NixFuseStore.Cli.Daemon;

/// <summary>The Nix daemon of a mount: from the binding of its socket until the mount ends.</summary>
internal sealed class DaemonEndpoint : IAsyncDisposable
{
    private readonly MountedStore _store;
    private readonly Task<DaemonServer> _server;

    private DaemonEndpoint(string socketPath, MountedStore store, Task<DaemonServer> server)
    {
        SocketPath = socketPath;
        _store = store;
        _server = server;
    }

    /// <summary>Where clients find it.</summary>
    public string SocketPath { get; }

    /// <summary>
    /// Binds the socket; whoever connects waits in the kernel's queue until the server behind it is loaded, which the mount does not wait for.
    /// </summary>
    /// <param name="mount">A mount that is served, and still writable where it can be.</param>
    /// <param name="connection">The server.</param>
    /// <param name="reader">The store.</param>
    /// <param name="fileSystem">What shows the store in the mount.</param>
    /// <param name="location">Where the journal lies.</param>
    /// <param name="settings">How the mount was asked for.</param>
    /// <param name="log">Told in one line what an operator should know.</param>
    /// <exception cref="IOException">The socket cannot be bound.</exception>
    public static DaemonEndpoint Start(
        FuseMount mount,
        ServerConnection connection,
        StoreReader reader,
        StoreFileSystem fileSystem,
        CacheLocation location,
        MountSettings settings,
        Action<string> log)
    {
        var (listener, path) = DaemonSocket.Bind(mount);
        var store = new MountedStore(
            connection,
            reader,
            new StoreWriterOptions { JournalDirectory = location.Journal, Announce = fileSystem.AnnounceAdditionAsync, Log = log },
            log);
        store.Recover();
        return new DaemonEndpoint(path, store, Task.Run(() => Serve(listener, store, reader, location, settings, log)));
    }

    /// <summary>Hangs up on all clients, and ends what they had asked for.</summary>
    public async ValueTask DisposeAsync()
    {
        var server = await _server.ConfigureAwait(false);
        await server.DisposeAsync().ConfigureAwait(false);
        await _store.DisposeAsync().ConfigureAwait(false);
    }

    private static DaemonServer Serve(
        Socket listener, MountedStore store, StoreReader reader, CacheLocation location, MountSettings settings, Action<string> log) => new(
            listener,
            store,
            new RefusingBuilder(reader.Directory),
            new DaemonOptions
            {
                // A token that may write is one whose owner adds what he likes anyway.
                Trusts = _ => settings.TrustsClients ?? reader.MayWrite != false,
                TrustedKeys = reader.TrustedKeys,
                TemporaryDirectory = location.Directory,
                Notice = log,
            });
}
