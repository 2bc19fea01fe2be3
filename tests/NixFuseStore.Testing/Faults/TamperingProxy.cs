using System.Net;
using System.Net.Sockets;

namespace NixFuseStore.Testing.Faults;

/// <summary>
/// A link that fails, on loopback: passes bytes on, alters some of them on the way to the client, holds them up as a network does that drops
/// packets, or cuts connections. Its members may be set while it works.
/// </summary>
public sealed class TamperingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Uri _server;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Socket> _sockets = [];
    private readonly Task _accepting;
    private byte[]? _pattern;
    private int _times;
    private int _changed;
    private long _toClient;
    private volatile bool _silent;
    private volatile bool _refusing;

    public TamperingProxy(Uri server)
    {
        _server = server;
        _listener.Start();
        Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        _accepting = AcceptAsync();
    }

    public Uri Address { get; }

    /// <summary>Round trip that is added, on the way to the client.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Bytes passed on to the client.</summary>
    public long BytesToClient => Volatile.Read(ref _toClient);

    /// <summary>How often something was changed.</summary>
    public int Changed => Volatile.Read(ref _changed);

    /// <summary>Alters a buffer on its way to the client, in place; null passes all on.</summary>
    public Action<Memory<byte>>? Alter { get; set; }

    /// <summary>While true, nothing is passed on, and neither side is told: a black hole.</summary>
    public bool Silent
    {
        get => _silent;
        set => _silent = value;
    }

    /// <summary>Changes the last byte of each occurrence of the pattern, so many times.</summary>
    public void Tamper(byte[]? pattern, int times = int.MaxValue)
    {
        _times = times;
        Volatile.Write(ref _pattern, pattern);
    }

    /// <summary>Cuts all connections; new ones are refused until <see cref="Accept"/>.</summary>
    public void Refuse()
    {
        _refusing = true;
        CutAll();
    }

    public void Accept() => _refusing = false;

    public void CutAll()
    {
        lock (_sockets)
        {
            foreach (var socket in _sockets)
            {
                socket.Dispose();
            }

            _sockets.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        // The loop ends first: between two connections it would find a listener that is stopped.
        await _stop.CancelAsync();
        await _accepting;
        _listener.Stop();
        CutAll();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptSocketAsync(_stop.Token);
                if (_refusing)
                {
                    client.Dispose();
                    continue;
                }

                var server = new Socket(SocketType.Stream, ProtocolType.Tcp);
                try
                {
                    await server.ConnectAsync(IPAddress.Loopback, _server.Port, _stop.Token);
                }
                catch (SocketException)
                {
                    client.Dispose();
                    server.Dispose();
                    continue;
                }

                client.NoDelay = server.NoDelay = true;
                lock (_sockets)
                {
                    _sockets.AddRange([client, server]);
                }

                _ = PassAsync(client, server, toClient: false);
                _ = PassAsync(server, client, toClient: true);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Stopped.
        }
    }

    private async Task PassAsync(Socket from, Socket to, bool toClient)
    {
        var buffer = new byte[1 << 20];
        try
        {
            while (true)
            {
                var length = await from.ReceiveAsync(buffer, _stop.Token);
                if (length == 0)
                {
                    break;
                }

                while (_silent)
                {
                    await Task.Delay(20, _stop.Token);
                }

                if (toClient)
                {
                    if (Delay > TimeSpan.Zero)
                    {
                        await Task.Delay(Delay, _stop.Token);
                    }

                    Alter?.Invoke(buffer.AsMemory(0, length));
                    Change(buffer.AsSpan(0, length));
                    Interlocked.Add(ref _toClient, length);
                }

                await to.SendAsync(buffer.AsMemory(0, length), _stop.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // One side went away; so does the other.
        }

        from.Dispose();
        to.Dispose();
    }

    private void Change(Span<byte> bytes)
    {
        if (Volatile.Read(ref _pattern) is not { } pattern)
        {
            return;
        }

        for (var at = bytes.IndexOf(pattern); at >= 0 && Interlocked.Decrement(ref _times) >= 0; at = bytes.IndexOf(pattern))
        {
            bytes[at + pattern.Length - 1] ^= 0x55;
            Interlocked.Increment(ref _changed);
        }
    }
}
