using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using NixFuseStore.Native.Text;

namespace NixFuseStore.Protocol.Connections;

/// <summary>Why a request did not reach a server, in one line for a person. The same for both planes.</summary>
internal static class TransportFailure
{
    /// <summary>Longest text of the other side that is shown.</summary>
    private const int ForeignTextMax = 500;

    /// <summary>
    /// Whether an exception of the handler says that the server could not be reached, or not any more. A connection that the server resets in the
    /// moment in which it is made shows as a bare <see cref="SocketException"/> (the handler sets its options).
    /// </summary>
    public static bool IsOne(Exception exception) => exception is HttpRequestException or IOException or SocketException or ObjectDisposedException;

    /// <summary>What failed below HTTP: name, route, proxy, TLS.</summary>
    public static string Describe(Exception exception, TransportOptions options)
    {
        var server = options.Address.GetLeftPart(UriPartial.Authority);
        for (var e = exception; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case HttpRequestException { HttpRequestError: HttpRequestError.ProxyTunnelError }:
                    return $"the proxy {NameOf(ProxyOf(options))} does not lead to {server}: {e.Message}; see https_proxy and no_proxy";
                case AuthenticationException when options.CertificateProblem is { } problem:
                    return $"the certificate of {server} is not trusted: {problem}";
                case AuthenticationException:
                    return $"{server} does not speak TLS as expected: {e.Message}";
                default:
                    break;
            }
        }

        var cause = exception.GetBaseException();
        return ProxyOf(options) is { } proxy && cause is SocketException
            ? $"could not reach {server} through the proxy {NameOf(proxy)}: {cause.Message}; see https_proxy and no_proxy"
            : $"could not reach {server}: {cause.Message}";
    }

    /// <summary>The line for a connection that was not there in time.</summary>
    public static string DescribeTimeout(TransportOptions options)
    {
        var server = options.Address.GetLeftPart(UriPartial.Authority);
        var through = ProxyOf(options) is { } proxy ? $" through the proxy {NameOf(proxy)}" : "";
        return $"could not connect to {server}{through} within {options.ConnectTimeout.TotalSeconds:0.###} s";
    }

    /// <summary>What a certificate lacks, for the line about it; null where nothing does.</summary>
    public static string? DescribeCertificate(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (errors == SslPolicyErrors.None)
        {
            return null;
        }

        if (certificate is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable))
        {
            return "the server shows none";
        }

        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            return $"it is that of another server ({Clean(certificate.Subject)})";
        }

        foreach (var status in chain?.ChainStatus ?? [])
        {
            if (status.Status.HasFlag(X509ChainStatusFlags.NotTimeValid))
            {
                return $"it is valid from {certificate.GetEffectiveDateString()} to {certificate.GetExpirationDateString()} only; is the clock right?";
            }
        }

        return $"its authority ({Clean(certificate.Issuer)}) is unknown here; give the authority's certificate with --tls-ca";
    }

    /// <summary>Text of the other side as it may be shown: one line, nothing that a terminal obeys, not endless.</summary>
    public static string Clean(string text) => PrintableText.Escape(text.Length <= ForeignTextMax ? text : text[..ForeignTextMax] + "...");

    private static Uri? ProxyOf(TransportOptions options) =>
        HttpTransport.ProxyFor(options) is { } proxy && !proxy.IsBypassed(options.Address) ? proxy.GetProxy(options.Address) : null;

    // Without user and password.
    private static string NameOf(Uri? proxy) => proxy is null ? "" : proxy.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped);
}
