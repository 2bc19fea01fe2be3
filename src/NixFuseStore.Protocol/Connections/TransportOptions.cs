using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace NixFuseStore.Protocol.Connections;

/// <summary>How to reach one server and what to believe of it. Shared by <see cref="Grpc.RpcChannel"/> and <see cref="DataPlane.DataPlaneClient"/>; not changed once either was made.</summary>
public sealed class TransportOptions
{
    private string? _certificateProblem;

    /// <summary>The server's address, <c>http://host:port</c> or <c>https://host:port</c>; a path is ignored.</summary>
    public required Uri Address { get; init; }

    /// <summary>Gives the bearer token for each call (so that a token file may change), or null for none. Called on any thread; must be quick.</summary>
    public Func<string?>? TokenProvider { get; init; }

    /// <summary>Where not null, the only certificates that a TLS server's chain may end in (self-signed ones may be among them); otherwise the system's.</summary>
    public X509Certificate2Collection? TrustedCertificates { get; init; }

    /// <summary>A server that takes nothing of an upload for so long is gone; it ends an upload that stalls on this side as well.</summary>
    public TimeSpan UploadTakenWithin { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long connecting, TLS included, may take.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A ping goes out on an HTTP/2 connection that was silent so long while calls are running.</summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A connection whose ping is not answered within this time is given up; its calls end as <c>UNAVAILABLE</c>.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Through which proxy servers with TLS are reached; null: as the environment says (<c>https_proxy</c>, <c>all_proxy</c>, <c>no_proxy</c>).
    /// Servers on loopback and those without TLS are always reached directly: HTTP/2 without TLS passes no proxy.
    /// </summary>
    public IWebProxy? Proxy { get; init; }

    /// <summary>Bytes taken of all messages of one call that has a deadline: more than any store's listing or closure has.</summary>
    public long CallBytesMax { get; init; } = 1L << 30;

    /// <summary>The largest message taken from the server, in bytes.</summary>
    public int MessageBytesMax { get; init; } = 64 << 20;

    /// <summary>How many HTTP/1.1 connections the data plane may use at once.</summary>
    public int DataConnectionsMax { get; init; } = 8;

    /// <summary>What was wrong with the certificate that the server showed last; null where it was right. Any thread.</summary>
    internal string? CertificateProblem
    {
        get => Volatile.Read(ref _certificateProblem);
        set => Volatile.Write(ref _certificateProblem, value);
    }

    /// <summary>Reads certificates in PEM form, for <see cref="TrustedCertificates"/>.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="System.Security.Cryptography.CryptographicException">It holds no certificate.</exception>
    public static X509Certificate2Collection ReadCertificates(string file)
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPem(File.ReadAllText(file));
        return certificates.Count > 0
            ? certificates
            : throw new System.Security.Cryptography.CryptographicException($"{file} holds no certificate in PEM form");
    }
}
