using System.Globalization;
using System.Net;
using System.Net.Sockets;
using NixFuseStore.Server.Base;

namespace NixFuseStore.Server.Listening;

/// <summary>An address to listen on, as the operator wrote it and as sockets want it.</summary>
/// <param name="Text">As written.</param>
/// <param name="IsTls">Whether it is <c>https:</c>.</param>
/// <param name="EndPoints">One or more; <c>localhost</c> is both loopbacks.</param>
internal sealed record ListenAddress(string Text, bool IsTls, IReadOnlyList<IPEndPoint> EndPoints)
{
    /// <exception cref="FormatException">The text is no such address.</exception>
    /// <exception cref="ServerException">Its host name cannot be resolved.</exception>
    public static ListenAddress Parse(string text)
    {
        // Uri does not take "*" for a host, which means all addresses.
        var wildcard = text.Replace("://*", "://[::]", StringComparison.Ordinal);
        if (!Uri.TryCreate(wildcard, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https")
            || uri.AbsolutePath != "/" || uri.Query.Length > 0 || uri.UserInfo.Length > 0)
        {
            throw new FormatException($"'{text}' is no address to listen on; expected http://HOST:PORT or https://HOST:PORT");
        }

        return new ListenAddress(text, uri.Scheme == "https", [.. Resolve(uri).Select(address => new IPEndPoint(address, uri.Port))]);
    }

    /// <summary>Prints an address that was bound.</summary>
    public static string Print(bool isTls, IPEndPoint endPoint)
    {
        var scheme = isTls ? "https" : "http";
        return string.Create(CultureInfo.InvariantCulture, $"{scheme}://{endPoint}");
    }

    private static IPAddress[] Resolve(Uri uri)
    {
        if (IPAddress.TryParse(uri.DnsSafeHost, out var address))
        {
            return [Socket.OSSupportsIPv6 || !address.Equals(IPAddress.IPv6Any) ? address : IPAddress.Any];
        }

        try
        {
            return Dns.GetHostAddresses(uri.DnsSafeHost) is { Length: > 0 } addresses
                ? addresses
                : throw new ServerException($"cannot listen on {uri.OriginalString}: the host has no address");
        }
        catch (SocketException e)
        {
            throw new ServerException($"cannot listen on {uri.OriginalString}: {e.Message}", e);
        }
    }
}
