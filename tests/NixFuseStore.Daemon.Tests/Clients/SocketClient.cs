using System.Net.Sockets;
using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Tests.Clients;

/// <summary>A small client of 1.38 over a real socket.</summary>
internal sealed class SocketClient : IDisposable
{
    private readonly Socket _socket;

    private SocketClient(Socket socket, WireReader reader)
    {
        _socket = socket;
        Reader = reader;
    }

    internal WireReader Reader { get; }

    internal static async Task<SocketClient> ConnectAsync(SocketDaemon daemon)
    {
        var socket = await daemon.ConnectAsync();
        return new SocketClient(socket, await GreetAsync(socket));
    }

    /// <summary>Goes through the handshake on a socket; the reader stands behind LAST, or before it.</summary>
    internal static async Task<WireReader> GreetAsync(Socket socket, bool expectLast = true)
    {
        await socket.SendAsync(TestDaemon.Greet(38).ToArray(), TestContext.Current.CancellationToken);
        var reader = new WireReader(new SocketSource(socket), 4096);
        await TestDaemon.SkipHandshakeAsync(reader, 38, expectLast);
        return reader;
    }

    internal async Task SendAsync(WireBytes bytes) => await _socket.SendAsync(bytes.ToArray(), TestContext.Current.CancellationToken);

    /// <summary>Asks whether a path is valid, which it must be.</summary>
    internal async Task ExpectValidAsync(StorePath path)
    {
        await SendAsync(new WireBytes().Number(1).Path(path));
        await Reader.ExpectLastAsync();
        Assert.True(await Reader.ReadBoolAsync());
    }

    public void Dispose()
    {
        Reader.Dispose();
        _socket.Dispose();
    }

    private sealed class SocketSource(Socket socket) : IByteSource
    {
        public async ValueTask<int> ReadAsync(Memory<byte> destination)
        {
            try
            {
                return await socket.ReceiveAsync(destination, TestContext.Current.CancellationToken);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
            {
                return 0;
            }
        }
    }
}
