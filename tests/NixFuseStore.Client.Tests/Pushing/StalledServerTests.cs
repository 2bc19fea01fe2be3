using System.Net;
using System.Net.Sockets;
using NixFuseStore.Client.Push;
using NixFuseStore.Client.Server;

namespace NixFuseStore.Client.Tests.Pushing;

/// <summary>Servers that accept and then do nothing: a NAR's upload ends by its deadline on progress, and only by that.</summary>
public sealed class StalledServerTests : IDisposable
{
    private static readonly TimeSpan StallTimeout = TimeSpan.FromSeconds(2);

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<TcpClient> _accepted = [];
    private readonly CancellationTokenSource _stop = new();

    public StalledServerTests() => _listener.Start();

    public void Dispose()
    {
        _stop.Cancel();
        _accepted.ForEach(static client => client.Dispose());
        _listener.Dispose();
        _stop.Dispose();
    }

    [Theory]
    [InlineData(false)] // takes what fits into the buffers between
    [InlineData(true)] // takes all, and never answers
    public async Task UploadNar_ServerStalls_FailsAfterTheDeadline(bool reads)
    {
        _ = AcceptAsync(reads);
        using var connection = Connect();
        var target = new ServerPushTarget(connection);
        var bytes = reads ? 4 << 20 : 256 << 20;

        var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => target.UploadNarAsync(
            async (stream, token) =>
            {
                for (var sent = 0; sent < bytes; sent += 1 << 20)
                {
                    await stream.WriteAsync(new byte[1 << 20], token);
                }
            },
            (ulong)bytes,
            TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(40), TestContext.Current.CancellationToken));

        Assert.Contains("took nothing of an upload for 2 s", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task UploadNar_ClientTakesItsTime_IsNotCutOff()
    {
        _ = AcceptAsync(reads: true);
        using var connection = Connect();
        var target = new ServerPushTarget(connection);
        var written = 0;

        await Assert.ThrowsAsync<StoreUnavailableException>(() => target.UploadNarAsync(
            async (stream, token) =>
            {
                for (var i = 0; i < 2; i++)
                {
                    await Task.Delay(StallTimeout + TimeSpan.FromSeconds(1), token);
                    await stream.WriteAsync(new byte[1000], token);
                    written++;
                }
            },
            2000,
            TestContext.Current.CancellationToken));

        Assert.Equal(2, written);
    }

    private ServerConnection Connect() => new(new ServerConnectionOptions
    {
        Servers = [new Uri($"http://{_listener.LocalEndpoint}")],
        UploadTakenWithin = StallTimeout,
    });

    private async Task AcceptAsync(bool reads)
    {
        while (true)
        {
            var client = await _listener.AcceptTcpClientAsync(_stop.Token);
            _accepted.Add(client);
            if (reads)
            {
                _ = client.GetStream().CopyToAsync(Stream.Null, _stop.Token);
            }
        }
    }
}
