using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using NixFuseStore.Server.Base;

namespace NixFuseStore.Server.Listening;

/// <summary>The server's certificate, from PEM files. Read again when a file has changed, so that a renewed one needs no restart.</summary>
internal sealed class CertificateSource
{
    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(10);
    private static readonly List<SslApplicationProtocol> Protocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11];

    private readonly string _certificateFile;
    private readonly string _keyFile;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private SslServerAuthenticationOptions _current;
    private (DateTime, DateTime) _stamp;
    private long _checked;

    /// <exception cref="ServerException">The files do not hold a certificate and its key.</exception>
    public CertificateSource(string certificateFile, string keyFile, TimeProvider time, ILogger logger)
    {
        _certificateFile = certificateFile;
        _keyFile = keyFile;
        _logger = logger;
        _time = time;
        _checked = time.GetTimestamp();
        _stamp = Stamp();
        try
        {
            _current = Load();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new ServerException($"cannot use the certificate {certificateFile} with the key {keyFile}: {e.Message}", e);
        }
    }

    /// <summary>The options for the next handshake.</summary>
    public SslServerAuthenticationOptions Current
    {
        get
        {
            lock (_lock)
            {
                if (_time.GetElapsedTime(_checked) > CheckInterval)
                {
                    _checked = _time.GetTimestamp();
                    ReloadIfChanged();
                }

                return _current;
            }
        }
    }

    private void ReloadIfChanged()
    {
        try
        {
            var stamp = Stamp();
            if (stamp == _stamp)
            {
                return;
            }

            _current = Load();
            _stamp = stamp;
            _logger.CertificateReloaded(_certificateFile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            // Half-written, perhaps; the next handshake after the interval looks again.
            _logger.CertificateNotReloaded(_certificateFile, e.Message);
        }
    }

    private (DateTime, DateTime) Stamp() => (File.GetLastWriteTimeUtc(_certificateFile), File.GetLastWriteTimeUtc(_keyFile));

    private SslServerAuthenticationOptions Load()
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(_certificateFile);
        var certificate = X509Certificate2.CreateFromPemFile(_certificateFile, _keyFile);
        return new SslServerAuthenticationOptions
        {
            ServerCertificateContext = SslStreamCertificateContext.Create(certificate, chain, offline: true),
            ApplicationProtocols = Protocols,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        };
    }
}
