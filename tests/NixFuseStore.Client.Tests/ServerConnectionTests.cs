using System.Net;
using System.Net.Sockets;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Tests;

/// <summary>Each way of not reaching a store has its own error.</summary>
public sealed class ServerConnectionTests
{
    [Theory]
    [InlineData("")]
    [InlineData("cache.example.org")]
    [InlineData("ftp://cache.example.org")]
    [InlineData("http://a,nonsense")]
    public void ParseServers_NoAddress_IsRefused(string list) =>
        Assert.Throws<StoreConfigurationException>(() => ServerConnectionOptions.ParseServers(list));

    [Fact]
    public void ParseServers_List_KeepsTheOrder() =>
        Assert.Equal(["http://a:1/", "https://b:2/"], ServerConnectionOptions.ParseServers("http://a:1, https://b:2").Select(u => u.ToString()));

    [Fact]
    public async Task Open_NobodyListens_IsUnavailable()
    {
        using var connection = new ServerConnection(new ServerConnectionOptions { Servers = [new Uri("http://127.0.0.1:1")] });

        var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => connection.OpenAsync());

        Assert.Contains("127.0.0.1:1", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public async Task Open_NoSuchStore_SaysSo()
    {
        await using var server = await TestServer.StartAsync();
        using var connection = new ServerConnection(new ServerConnectionOptions { Servers = [server.Address], StoreName = "absent" });

        var error = await Assert.ThrowsAsync<StoreConfigurationException>(() => connection.OpenAsync());

        Assert.Contains("no store 'absent'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_OtherProtocol_SaysSo()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var answering = AnswerAsync(listener);
        var address = new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
        using (var connection = new ServerConnection(new ServerConnectionOptions { Servers = [address] }))
        {
            var error = await Assert.ThrowsAsync<StoreConfigurationException>(() => connection.OpenAsync());

            Assert.Contains("does not speak this protocol", error.Message, StringComparison.Ordinal);
        }

        listener.Stop();
        await answering;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Open_ServerClosesDuringTheHandshake_IsUnavailable(bool byReset)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var closing = CloseAsync(listener, byReset);
        var address = new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
        using var connection = new ServerConnection(new ServerConnectionOptions { Servers = [address] });

        var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => connection.CallAsync(
            (e, t) => e.Store.GetStoreAsync(new GetStoreRequest { Store = "main" }, null, t), ReaderExtensions.Token));

        Assert.Contains("is not available", error.Message, StringComparison.Ordinal);
        await closing;
    }

    private static async Task CloseAsync(TcpListener listener, bool byReset)
    {
        using var client = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
        await client.ReceiveAsync(new byte[1000], TestContext.Current.CancellationToken);
        if (byReset)
        {
            client.LingerState = new LingerOption(enable: true, seconds: 0);
        }
        else
        {
            client.Shutdown(SocketShutdown.Both);
        }
    }

    // Answers every connection, since some are opened ahead of need and stay silent.
    private static async Task AnswerAsync(TcpListener listener)
    {
        var answers = new List<Task>();
        try
        {
            while (true)
            {
                answers.Add(AnswerAsync(await listener.AcceptSocketAsync(TestContext.Current.CancellationToken)));
            }
        }
        catch (SocketException)
        {
            // Stopped.
        }

        await Task.WhenAll(answers);
    }

    private static async Task AnswerAsync(Socket client)
    {
        using (client)
        {
            if (await client.ReceiveAsync(new byte[1000], TestContext.Current.CancellationToken) > 0)
            {
                await client.SendAsync(
                    "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
            }
        }
    }

    [Fact]
    public async Task Call_FirstServerAway_TriesTheNextOnce()
    {
        await using var server = await TestServer.StartAsync();
        using var connection = new ServerConnection(new ServerConnectionOptions { Servers = [new Uri("http://127.0.0.1:1"), server.Address] });

        var store = await connection.CallAsync((e, t) => e.Store.GetStoreAsync(new GetStoreRequest { Store = "main" }, null, t), ReaderExtensions.Token);

        Assert.Equal("/nix/store", store.StoreDirectory);
        Assert.Equal(server.Address, connection.Current.Address);
    }
}
