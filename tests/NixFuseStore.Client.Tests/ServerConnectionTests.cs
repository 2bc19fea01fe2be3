using System.Net;
using System.Net.Sockets;
using NixFuseStore.Client.Catalog;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Protocol;
using NixFuseStore.Testing.Faults;
using NixFuseStore.Testing.Tls;

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

    [Fact]
    public async Task Open_ServerThatNeverAnswers_FailsOnce_NamingServerAndTime()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
        using var connection = new ServerConnection(new ServerConnectionOptions { Servers = [address] });

        var clock = System.Diagnostics.Stopwatch.StartNew();
        var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => StoreCatalog.OpenAsync(connection, [], ReaderExtensions.Token));

        Assert.InRange(clock.Elapsed.TotalSeconds, 9, 14);
        Assert.Contains("GetStore: no answer from 127.0.0.1", error.Message, StringComparison.Ordinal);
        Assert.Contains("within 10 s", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_TlsWhereThereIsNone_NamesTheRightScheme()
    {
        await using var server = await TestServer.StartAsync();
        var address = new Uri("https://" + server.Address.Authority);
        using var connection = new ServerConnection(new ServerConnectionOptions { Servers = [address] });

        var error = await Assert.ThrowsAsync<StoreConfigurationException>(() => StoreCatalog.OpenAsync(connection, [], ReaderExtensions.Token));

        Assert.Contains("does not speak TLS; give its address with http:", error.Message, StringComparison.Ordinal);
        var mounting = await Assert.ThrowsAsync<StoreConfigurationException>(() => connection.OpenAsync());
        Assert.Equal(error.Message, mounting.Message);
    }

    [Fact]
    public async Task Open_NoTlsWhereThereIsSome_NamesTheRightScheme()
    {
        using var certificate = new CertificateFiles();
        await using var server = await TestServer.StartAsync(certificate);
        var address = new Uri("http://" + server.Address.Authority);
        using var connection = new ServerConnection(new ServerConnectionOptions { Servers = [address] });

        var error = await Assert.ThrowsAsync<StoreConfigurationException>(() => StoreCatalog.OpenAsync(connection, [], ReaderExtensions.Token));

        Assert.Contains("speaks TLS; give its address with https:", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_CertificateOfAnUnknownAuthority_SaysSo_AndServesWhatIsCached()
    {
        using var certificate = new CertificateFiles();
        await using var server = await TestServer.StartAsync(certificate);
        var directory = System.IO.Directory.CreateTempSubdirectory("nixfuse-meta-");
        try
        {
            var options = new StoreReaderOptions { MetadataDirectory = directory.FullName };
            using (var trusting = new ServerConnection(new ServerConnectionOptions
            {
                Servers = [server.Address], TrustedCertificates = ServerConnectionOptions.ReadCertificates(certificate.CertificateFile),
            }))
            {
                await using var reader = await trusting.OpenAsync(options);
            }

            using var connection = new ServerConnection(new ServerConnectionOptions { Servers = [server.Address] });
            var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => StoreCatalog.OpenAsync(connection, [], ReaderExtensions.Token));
            Assert.Contains("its authority (CN=localhost) is unknown here", error.Message, StringComparison.Ordinal);
            Assert.Contains("--tls-ca", error.Message, StringComparison.Ordinal);

            await using var cached = await connection.OpenAsync(options);
            Assert.False(cached.IsConnected);
            Assert.Contains("its authority (CN=localhost) is unknown here", cached.Status.Failure, StringComparison.Ordinal);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Open_ThroughAProxy_UsesItForBothPlanes_AndNamesItWhenItFails()
    {
        using var certificate = new CertificateFiles();
        await using var server = await TestServer.StartAsync(certificate);
        await using var proxy = new ConnectProxy(server.Address.Port);
        var source = new SourceStore(5);
        var path = source.Path("proxied", SourceEntry.File("through"));
        await server.PushAsync(path);

        // A name that only the proxy knows.
        var options = new ServerConnectionOptions
        {
            Servers = [new Uri($"https://server.invalid:{server.Address.Port}")],
            Proxy = new WebProxy(proxy.Address),
            TrustedCertificates = ServerConnectionOptions.ReadCertificates(certificate.CertificateFile),
        };
        using (var connection = new ServerConnection(options))
        {
            var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => StoreCatalog.OpenAsync(connection, [], ReaderExtensions.Token));
            Assert.Contains("it is that of another server (CN=localhost)", error.Message, StringComparison.Ordinal);
            Assert.InRange(proxy.Tunnels, 1, 10);
        }

        proxy.Refusing = true;
        using (var connection = new ServerConnection(options))
        {
            var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => StoreCatalog.OpenAsync(connection, [], ReaderExtensions.Token));
            Assert.Contains($"the proxy http://{proxy.Address.Authority} does not lead to https://server.invalid", error.Message, StringComparison.Ordinal);
        }

        using (var connection = new ServerConnection(new ServerConnectionOptions { Servers = options.Servers, Proxy = new WebProxy("http://127.0.0.1:1") }))
        {
            var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => StoreCatalog.OpenAsync(connection, [], ReaderExtensions.Token));
            Assert.Contains("through the proxy http://127.0.0.1:1", error.Message, StringComparison.Ordinal);
        }
    }
}
