using System.Net.Sockets;
using NixFuseStore.Daemon.Tests.Stores;

namespace NixFuseStore.Daemon.Tests.Clients;

/// <summary>A server on a real socket in a temporary directory.</summary>
internal sealed class SocketDaemon : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("nixfuse-daemon-");

    internal SocketDaemon(MemoryDaemonStore store, DaemonOptions options, IBuilder? builder = null)
    {
        Path = System.IO.Path.Join(_directory.FullName, "socket");
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(Path));
        listener.Listen(512);
        Server = new DaemonServer(listener, store, builder ?? new RefusingBuilder("this store does not build"), options);
    }

    internal string Path { get; }

    internal DaemonServer Server { get; }

    internal async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path), TestContext.Current.CancellationToken);
        return socket;
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        _directory.Delete(recursive: true);
    }
}
