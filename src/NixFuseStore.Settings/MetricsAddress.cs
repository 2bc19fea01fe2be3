using System.Globalization;
using System.Net;

namespace NixFuseStore.Settings;

/// <summary>Where a program serves its metrics to Prometheus, without a token: <c>HOST:PORT</c>, or a port of loopback alone.</summary>
/// <param name="Host">A host name, an address, or <c>*</c> for every address of the host; IPv6 in brackets.</param>
/// <param name="Port">The TCP port.</param>
public sealed record MetricsAddress(string Host, int Port)
{
    private const string Loopback = "127.0.0.1";

    /// <summary>Whether only processes of this host reach it.</summary>
    public bool IsLoopback => Host == "localhost" || (IPAddress.TryParse(Host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));

    /// <summary>The address as a URL, with <c>/</c> at its end.</summary>
    public string Url => UrlOf(Host);

    /// <summary>The URLs by which it is asked: the host's loopback goes by two names.</summary>
    public IReadOnlyList<string> Urls => IsLoopback && Host is Loopback or "localhost" ? [UrlOf(Loopback), UrlOf("localhost")] : [Url];

    /// <summary>Reads an address.</summary>
    /// <exception cref="FormatException">The text is none; the message says what is expected.</exception>
    public static MetricsAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var colon = text.LastIndexOf(':');
        var host = colon <= 0 ? Loopback : text[..colon];
        var isHost = host == "*" || Uri.CheckHostName(host.Trim('[', ']')) is not UriHostNameType.Unknown;
        return isHost && (host.Contains(':', StringComparison.Ordinal) == host.StartsWith('['))
            && ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0
            ? new MetricsAddress(host, port)
            : throw new FormatException($"'{text}' is no address for metrics; expected HOST:PORT, or PORT for loopback alone");
    }

    private string UrlOf(string host) => string.Create(CultureInfo.InvariantCulture, $"http://{host}:{Port}/");
}
