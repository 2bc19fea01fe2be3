using NixFuseStore.Server.Base;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Testing.Tls;
using Xunit;

namespace NixFuseStore.Server.Tests.BinaryCache;

/// <summary>How a test speaks to the binary cache.</summary>
public enum CacheTransport
{
    /// <summary>HTTP/1.1 in cleartext.</summary>
    Http1,

    /// <summary>HTTP/2 over TLS, as stock Nix does wherever there is TLS.</summary>
    Http2,
}

/// <summary>A test against a server of its own, seen as a binary cache. Each has a class for either transport.</summary>
public abstract class CacheTest(CacheTransport transport) : IAsyncLifetime
{
    private readonly CertificateFiles? _certificate = transport == CacheTransport.Http2 ? new CertificateFiles() : null;

    internal TestServer Server { get; private set; } = null!;

    internal CacheClient Cache { get; private set; } = null!;

    /// <summary>The server's bounds.</summary>
    internal virtual ServerLimits Limits => new();

    public async ValueTask InitializeAsync()
    {
        Server = await StartAsync();
        Cache = new CacheClient(Server);
    }

    public async ValueTask DisposeAsync()
    {
        Cache.Dispose();
        await Server.DisposeAsync();
        _certificate?.Dispose();
        GC.SuppressFinalize(this);
    }

    private Task<TestServer> StartAsync() => _certificate is null
        ? TestServer.StartAsync(limits: Limits)
        : TestServer.StartAsync("https://127.0.0.1:0", _certificate, trustsItself: true, limits: Limits);
}
