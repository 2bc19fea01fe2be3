using NixFuseStore.Server.Base;
using NixFuseStore.Settings;

namespace NixFuseStore.Server.Hosting;

/// <summary>What a server is started with.</summary>
/// <param name="Storage">Where it keeps things.</param>
/// <param name="Listen">Addresses, <c>http://HOST:PORT</c> or <c>https://HOST:PORT</c>; port 0 takes a free one.</param>
public sealed record ServerOptions(StorageOptions Storage, IReadOnlyList<string> Listen)
{
    /// <summary>Where a server listens that was told nothing.</summary>
    public const string DefaultListen = "http://127.0.0.1:7420";

    /// <summary>PEM file of the certificate and its chain; needed for <c>https:</c> addresses.</summary>
    public string? TlsCertificateFile { get; init; }

    /// <summary>PEM file of the certificate's private key.</summary>
    public string? TlsKeyFile { get; init; }

    /// <summary>Users and passwords for upstream caches, in netrc form; null for none.</summary>
    public string? NetrcFile { get; init; }

    /// <summary>A listener for metrics alone, without a token; null for none.</summary>
    public MetricsAddress? Metrics { get; init; }

    /// <summary>The collector that metrics are sent to, by OTLP over HTTP; null for none.</summary>
    public Uri? OtlpEndpoint { get; init; }

    /// <summary>A silent Watch is told so often that its server is there.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>The bounds within which it works.</summary>
    internal ServerLimits Limits { get; init; } = new();

    /// <summary>The least severe messages that are logged; requests are logged at debug.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>Where log lines go; null for stderr. Never waited for.</summary>
    public TextWriter? Log { get; init; }
}
