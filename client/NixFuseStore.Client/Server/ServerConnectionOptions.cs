using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using NixFuseStore.Protocol.Connections;

namespace NixFuseStore.Client.Server;

/// <summary>Which servers to talk to, as whom, and what to believe of their certificates.</summary>
public sealed class ServerConnectionOptions
{
    /// <summary>Where a server listens when nothing else is said.</summary>
    public const string DefaultServer = "http://127.0.0.1:7420";

    /// <summary>Addresses of servers of one database, in the order of preference; at least one.</summary>
    public required IReadOnlyList<Uri> Servers { get; init; }

    /// <summary>Name of the store.</summary>
    public string StoreName { get; init; } = "main";

    /// <summary>Gives the bearer token for each call, or null for none.</summary>
    public Func<string?>? TokenProvider { get; init; }

    /// <summary>Where not null, the only certificates that a server's chain may end in.</summary>
    public X509Certificate2Collection? TrustedCertificates { get; init; }

    /// <summary>How long connecting, TLS included, may take.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long a server may take nothing of an upload.</summary>
    public TimeSpan UploadTakenWithin { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Through which proxy servers with TLS are reached; null: as the environment says (<c>https_proxy</c>, <c>all_proxy</c>, <c>no_proxy</c>).
    /// Servers without TLS, and those on loopback, are always reached directly.
    /// </summary>
    public IWebProxy? Proxy { get; init; }

    /// <summary>Connections for chunks to one server at most.</summary>
    public int DataConnectionsMax { get; init; } = 16;

    /// <summary>Reads a list of addresses, separated by commas.</summary>
    /// <exception cref="StoreConfigurationException">One of them is no <c>http://</c> or <c>https://</c> address.</exception>
    public static IReadOnlyList<Uri> ParseServers(string list)
    {
        ArgumentNullException.ThrowIfNull(list);
        var servers = new List<Uri>();
        foreach (var text in list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            servers.Add(Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.Host.Length > 0
                ? uri
                : throw new StoreConfigurationException($"server '{text}' is not an address such as {DefaultServer} or https://host:7420"));
        }

        return servers.Count > 0 ? servers : throw new StoreConfigurationException($"no server is given; try --server {DefaultServer}");
    }

    /// <summary>Reads certificates in PEM form for <see cref="TrustedCertificates"/>.</summary>
    /// <exception cref="StoreConfigurationException">The file cannot be read or holds no certificate.</exception>
    public static X509Certificate2Collection ReadCertificates(string file)
    {
        try
        {
            return TransportOptions.ReadCertificates(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new StoreConfigurationException($"certificates in {file} cannot be used: {e.Message}", e);
        }
    }

    internal TransportOptions For(Uri server) => new()
    {
        Address = server,
        TokenProvider = TokenProvider,
        TrustedCertificates = TrustedCertificates,
        ConnectTimeout = ConnectTimeout,
        UploadTakenWithin = UploadTakenWithin,
        Proxy = Proxy,
        DataConnectionsMax = DataConnectionsMax,
    };
}
