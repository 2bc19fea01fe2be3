using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using NixFuseStore.Server.Base;

namespace NixFuseStore.Server.Listening;

/// <summary>Tells Kestrel where and how to listen.</summary>
internal sealed class KestrelSetup(IReadOnlyList<ListenAddress> addresses, CertificateSource? certificate, ServerLimits limits, ConnectionTable connections,
    ConnectionHandoffListener http2, ListenAddress? metrics, Func<ConnectionDelegate, ConnectionDelegate> markMetrics)
{
    private readonly List<(bool IsTls, ListenOptions Options)> _bound = [];

    /// <summary>The addresses with the ports that they really got, once the server runs.</summary>
    public IEnumerable<string> BoundAddresses => _bound.Select(b => ListenAddress.Print(b.IsTls, b.Options.IPEndPoint!));

    public void Apply(IWebHostBuilder host)
    {
        host.UseKestrelCore();

        // A connection's reading, answering and writing take turns anyway. On one thread of the pool they need no waking of each other,
        // which is most of the time that a small answer takes (measured: a .narinfo over one connection is answered about twice as often).
        host.UseSockets(static sockets => sockets.UnsafePreferInlineScheduling = true);
        if (certificate is not null)
        {
            host.UseKestrelHttpsConfiguration();
        }

        host.ConfigureServices(services => services
            .AddSingleton(connections)
            .AddSingleton<IConnectionListenerFactory, BoundedListenerFactory>()
            .AddSingleton<IConnectionListenerFactory>(http2)
            .AddSingleton<IMemoryPoolFactory<byte>, TransportMemory>());
        host.ConfigureKestrel(Configure);
    }

    private void Configure(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;

        // Calls and requests have bounds of their own kind; uploads have none in all.
        kestrel.Limits.MaxRequestBodySize = limits.MessageBytesMax + 1024L;
        kestrel.Limits.MaxRequestBufferSize = 2 << 20;
        kestrel.Limits.MaxResponseBufferSize = 256 << 10;

        // Who takes less than this for so long is gone or asleep, and keeps others from their turn.
        kestrel.Limits.MinResponseDataRate = new MinDataRate(bytesPerSecond: 4096, gracePeriod: TimeSpan.FromSeconds(15));
        kestrel.Limits.Http2.MaxStreamsPerConnection = 1000;
        kestrel.Limits.Http2.InitialConnectionWindowSize = 16 << 20;
        kestrel.Limits.Http2.InitialStreamWindowSize = 8 << 20;
        kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(30);
        kestrel.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(20);
        foreach (var address in addresses)
        {
            foreach (var endPoint in address.EndPoints)
            {
                kestrel.Listen(endPoint, options => Configure(options, address.IsTls));
            }
        }

        foreach (var endPoint in metrics?.EndPoints ?? [])
        {
            kestrel.Listen(endPoint, options =>
            {
                options.Protocols = HttpProtocols.Http1;
                options.Use(connections.Wrap);
                options.Use(markMetrics);
            });
        }

        if (addresses.Any(address => !address.IsTls))
        {
            kestrel.Listen(http2.EndPoint, options => options.Protocols = HttpProtocols.Http2);
        }
    }

    private void Configure(ListenOptions options, bool isTls)
    {
        _bound.Add((isTls, options));
        options.Use(connections.Wrap);
        if (isTls)
        {
            options.Protocols = HttpProtocols.Http1AndHttp2;
            options.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(certificate!.Current) });
        }
        else
        {
            options.Protocols = HttpProtocols.Http1;
            options.Use(new PrefaceSwitch(http2).Wrap);
        }
    }
}
