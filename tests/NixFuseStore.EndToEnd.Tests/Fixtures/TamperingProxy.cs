using System.Net;
using System.Net.Sockets;

namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>
/// A proxy on loopback that passes bytes on unchanged until it is told to tamper: then it flips one bit in every so many bytes
/// that come from the server.
/// </summary>
internal sealed class TamperingProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Uri _target;
    private long _passed;

    public TamperingProxy(string targetUrl)
    {
        _target = new Uri(targetUrl);
        _listener.Start();
        _ = AcceptAsync();
    }

    public string Url => "http://" + _listener.LocalEndpoint;

    /// <summary>Which bytes of what the server sends to alter: called for each buffer; null passes all on.</summary>
    public Action<Memory<byte>>? Tamper { get; set; }

    public long PassedBytes => Interlocked.Read(ref _passed);

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Stop();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _ = PassAsync(client);
            }
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // The test is over.
        }
    }

    private async Task PassAsync(TcpClient client)
    {
        using var _ = client;
        using var server = new TcpClient();
        try
        {
            await server.ConnectAsync(_target.Host, _target.Port, _stop.Token);
            await Task.WhenAny(
                CopyAsync(client.GetStream(), server.GetStream(), tamper: false), CopyAsync(server.GetStream(), client.GetStream(), tamper: true));
        }
        catch (Exception error) when (error is IOException or SocketException or OperationCanceledException)
        {
            // One side went away; so does the other.
        }
    }

    private async Task CopyAsync(NetworkStream from, NetworkStream to, bool tamper)
    {
        var buffer = new byte[65536];
        int count;
        while ((count = await from.ReadAsync(buffer, _stop.Token)) > 0)
        {
            if (tamper)
            {
                Tamper?.Invoke(buffer.AsMemory(0, count));
                Interlocked.Add(ref _passed, count);
            }

            await to.WriteAsync(buffer.AsMemory(0, count), _stop.Token);
        }
    }
}
