using System.Net;
using System.Net.Sockets;
using System.Text;

namespace NixFuseStore.Testing.Faults;

/// <summary>An HTTP proxy that knows CONNECT, and leads to one port of this host whatever it is asked for.</summary>
public sealed class ConnectProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly int _port;
    private readonly Task _accepting;
    private int _tunnels;

    /// <summary>A proxy that listens until it is disposed.</summary>
    /// <param name="port">Where it leads.</param>
    public ConnectProxy(int port)
    {
        _port = port;
        _listener.Start();
        Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        _accepting = AcceptAsync();
    }

    public Uri Address { get; }

    /// <summary>Tunnels made.</summary>
    public int Tunnels => Volatile.Read(ref _tunnels);

    /// <summary>Answers 403 from now on.</summary>
    public bool Refusing { get; set; }

    public async ValueTask DisposeAsync()
    {
        // The loop ends first: between two connections it would find a listener that is stopped.
        await _stop.CancelAsync();
        await _accepting;
        _listener.Stop();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Stopped.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            using (client)
            using (var stream = client.GetStream())
            {
                var head = "";
                var one = new byte[1];
                while (!head.EndsWith("\r\n\r\n", StringComparison.Ordinal) && await stream.ReadAsync(one, _stop.Token) == 1)
                {
                    head += (char)one[0];
                }

                if (Refusing || !head.StartsWith("CONNECT ", StringComparison.Ordinal))
                {
                    await stream.WriteAsync(Encoding.ASCII.GetBytes("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), _stop.Token);
                    return;
                }

                using var server = new TcpClient();
                await server.ConnectAsync(IPAddress.Loopback, _port, _stop.Token);
                Interlocked.Increment(ref _tunnels);
                await stream.WriteAsync(Encoding.ASCII.GetBytes("HTTP/1.1 200 Connection established\r\n\r\n"), _stop.Token);
                using var onward = server.GetStream();
                await Task.WhenAny(stream.CopyToAsync(onward, _stop.Token), onward.CopyToAsync(stream, _stop.Token));
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // One side went away.
        }
    }
}
