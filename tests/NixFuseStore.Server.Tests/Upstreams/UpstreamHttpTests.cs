using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Server.Upstreams;
using Xunit;

namespace NixFuseStore.Server.Tests.Upstreams;

/// <summary>The way to an upstream cache: proxies, users, and where a cache may lead the server.</summary>
public sealed class UpstreamHttpTests
{
    [Theory]
    [InlineData("http://cache.example.org/x", "", "http://proxy:1/")]
    [InlineData("https://cache.example.org/x", "", "http://secure:2/")]
    [InlineData("http://cache.example.org/x", "example.org", null)]
    [InlineData("http://cache.example.org/x", ".example.org", null)]
    [InlineData("http://cacheexample.org/x", "example.org", "http://proxy:1/")]
    [InlineData("http://cache.example.org/x", "other.org, *", null)]
    [InlineData("http://10.1.2.3/x", "10.0.0.0/8", null)]
    [InlineData("http://11.1.2.3/x", "10.0.0.0/8", "http://proxy:1/")]
    [InlineData("http://[fd00::1]/x", "fd00::/8", null)]
    [InlineData("http://127.0.0.1/x", "127.0.0.1", null)]
    public void Proxy_IsChosenAsCurlDoes(string destination, string noProxy, string? expected)
    {
        var proxy = new EnvironmentProxy(name => name switch { "http_proxy" => "proxy:1", "https_proxy" => "http://secure:2", "no_proxy" => noProxy, _ => null });
        Assert.Equal(expected, proxy.GetProxy(new Uri(destination))?.AbsoluteUri);
        Assert.Equal(expected is null, proxy.IsBypassed(new Uri(destination)));
    }

    [Fact]
    public void Proxy_OfNoVariable_IsNone() => Assert.True(new EnvironmentProxy(static _ => null).IsBypassed(new Uri("https://example.org")));

    [Theory]
    [InlineData("a", "one", "1")]
    [InlineData("B", "two", "with space")]
    [InlineData("c", "anyone", "d#1")]
    public void Netrc_FindsTheHostOrTheDefault(string host, string login, string password)
    {
        var netrc = Netrc.Parse("""
            # a comment
            machine a login one password 1
            macdef init
            machine a login macro password 0

            machine b
              login two
              account x
              password "with space"
            default login anyone password d#1
            """);
        Assert.True(netrc.TryFind(host, out var user, out var secret));
        Assert.Equal((login, password), (user, secret));
    }

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("10.255.0.1", true)]
    [InlineData("172.16.0.1", true)]
    [InlineData("172.32.0.1", false)]
    [InlineData("192.168.1.1", true)]
    [InlineData("169.254.169.254", true)]
    [InlineData("0.0.0.0", true)]
    [InlineData("::1", true)]
    [InlineData("::", true)]
    [InlineData("fe80::1", true)]
    [InlineData("fd12::1", true)]
    [InlineData("::ffff:127.0.0.1", true)]
    [InlineData("198.51.100.7", false)]
    [InlineData("2001:db8::1", false)]
    public void PrivateAddresses_AreKnown(string address, bool isPrivate) => Assert.Equal(isPrivate, PrivateAddresses.Contains(IPAddress.Parse(address)));

    [Theory]
    [InlineData("https://me:pass@cache.example.org/x/", "https://cache.example.org/x", "me", "pass")]
    [InlineData("https://token@cache.example.org", "https://cache.example.org", "token", null)]
    [InlineData("http://a%40b:c%3Ad%2F@h:1/", "http://h:1", "a@b", "c:d/")]
    [InlineData("http://h/x", "http://h/x", null, null)]
    public void Address_ShowsNoPassword(string stored, string shown, string? user, string? password)
    {
        var address = UpstreamAddress.Parse(stored);
        Assert.Equal((shown, user, password), (address.Text, address.User, address.Password));
        Assert.Equal(shown, UpstreamAddress.Hide(stored).TrimEnd('/'));
        Assert.Equal((user, password), (UpstreamAddress.Parse(address.StoredText).User, UpstreamAddress.Parse(address.StoredText).Password));
        var wrong = Assert.Throws<FormatException>(() => UpstreamAddress.Parse(stored.TrimEnd('/') + "?x=1"));
        Assert.DoesNotContain("pass", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PublicCache_BehindAProxy_IsAsked_AndLeadsNowhereNearThisServer()
    {
        using var secret = new RawServer(_ => "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret");
        using var proxy = new RawServer(head => head.StartsWith("GET http://198.51.100.7/away", StringComparison.Ordinal)
            ? $"HTTP/1.1 302 Found\r\nLocation: {secret.Url}/x\r\nContent-Length: 0\r\n\r\n"
            : head.StartsWith("GET http://198.51.100.7/on", StringComparison.Ordinal)
                ? "HTTP/1.1 302 Found\r\nLocation: http://198.51.100.8/there\r\nContent-Length: 0\r\n\r\n"
                : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        using var http = new UpstreamHttp(
            new NetrcFile(null, TimeProvider.System, NullLogger.Instance), new EnvironmentProxy(name => name switch { "http_proxy" => proxy.Url, "no_proxy" => "127.0.0.1", _ => null }), TimeProvider.System);
        var upstream = UpstreamAddress.Parse("http://me:mine@198.51.100.7");

        Assert.Equal("ok"u8.ToArray(), (await http.GetFileAsync(upstream, new Uri("http://198.51.100.7/plain"), 100, TestServer.Cancellation)).Body);
        Assert.Equal("ok"u8.ToArray(), (await http.GetFileAsync(upstream, new Uri("http://198.51.100.7/on"), 100, TestServer.Cancellation)).Body);
        var refused = await Assert.ThrowsAsync<UpstreamException>(() => http.GetFileAsync(upstream, new Uri("http://198.51.100.7/away"), 100, TestServer.Cancellation));

        Assert.Contains("own network", refused.Message, StringComparison.Ordinal);
        Assert.Empty(secret.Heads);
        Assert.Contains("Authorization", proxy.Heads.First(), StringComparison.Ordinal);
        Assert.DoesNotContain("Authorization", proxy.Heads.First(head => head.Contains("198.51.100.8", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    /// <summary>Answers each connection's first request with text.</summary>
    private sealed class RawServer : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly Func<string, string> _answer;

        public RawServer(Func<string, string> answer)
        {
            _answer = answer;
            _listener.Start();
            _ = ServeAsync();
        }

        public ConcurrentQueue<string> Heads { get; } = new();

        public string Url => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

        public void Dispose() => _listener.Dispose();

        private async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    using var client = await _listener.AcceptTcpClientAsync();
                    var stream = client.GetStream();
                    var head = "";
                    var buffer = new byte[4096];
                    while (!head.Contains("\r\n\r\n", StringComparison.Ordinal) && await stream.ReadAsync(buffer) is var length and > 0)
                    {
                        head += Encoding.ASCII.GetString(buffer, 0, length);
                    }

                    Heads.Enqueue(head);
                    await stream.WriteAsync(Encoding.ASCII.GetBytes(_answer(head).Replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n", StringComparison.Ordinal)));
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException or InvalidOperationException)
            {
                // Disposed.
            }
        }
    }
}
