using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace NixFuseStore.Protocol.Connections;

/// <summary>Makes the HTTP handlers below both planes.</summary>
internal static class HttpTransport
{
    /// <summary>The bytes of one response that may be under way before they are read: the product of 1 Gbit/s and 60 ms. The default of 64 KiB costs a round trip for each 64 KiB at first.</summary>
    private const int StreamWindowBytes = 8 << 20;

    public static SocketsHttpHandler Create(TransportOptions options)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            UseProxy = ProxyFor(options) is not null,
            Proxy = ProxyFor(options),
            ConnectTimeout = options.ConnectTimeout,
            EnableMultipleHttp2Connections = true,
            InitialHttp2StreamWindowSize = StreamWindowBytes,
            KeepAlivePingDelay = options.KeepAliveInterval,
            KeepAlivePingTimeout = options.KeepAliveTimeout,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            MaxConnectionsPerServer = options.DataConnectionsMax,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(2),
            ActivityHeadersPropagator = null,
        };
        if (options.Address.Scheme == "https")
        {
            UseTls(handler, options);
        }

        return handler;
    }

    /// <summary>The proxy for a server, or null for none; it may still name the server as one that is reached directly.</summary>
    public static IWebProxy? ProxyFor(TransportOptions options) =>
        options.Address.Scheme == "https" && !options.Address.IsLoopback ? options.Proxy ?? HttpClient.DefaultProxy : null;

    public static void Authorize(HttpRequestHeaders headers, TransportOptions options)
    {
        if (options.TokenProvider?.Invoke() is { Length: > 0 } token)
        {
            headers.TryAddWithoutValidation("authorization", "Bearer " + token);
        }
    }

    // Kept apart so that a cleartext client never loads the security types.
    private static void UseTls(SocketsHttpHandler handler, TransportOptions options)
    {
        var security = new SslClientAuthenticationOptions
        {
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
            {
                options.CertificateProblem = TransportFailure.DescribeCertificate(certificate, chain, errors);
                return errors == SslPolicyErrors.None;
            },
        };
        if (options.TrustedCertificates is { } trusted)
        {
            security.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            security.CertificateChainPolicy.CustomTrustStore.AddRange(trusted);
        }

        handler.SslOptions = security;
    }
}
