using System.Net;

namespace NixFuseStore.Server.Upstreams;

/// <summary>
/// The proxy that the environment names, by the rules of curl and so of Nix: <c>https_proxy</c>, <c>http_proxy</c>, <c>all_proxy</c>, and
/// <c>no_proxy</c> with hosts, domains, networks, or <c>*</c>. The runtime's own reading of them knows neither domains without a leading dot
/// nor networks.
/// </summary>
internal sealed class EnvironmentProxy : IWebProxy
{
    private readonly Uri? _http;
    private readonly Uri? _https;
    private readonly string[] _bypass;

    /// <param name="read">Reads a variable; null for one that is not set.</param>
    public EnvironmentProxy(Func<string, string?> read)
    {
        var all = Parse(read("all_proxy") ?? read("ALL_PROXY"));

        // HTTP_PROXY in capitals is what a CGI program gets from a request's header, so that is not looked at.
        _http = Parse(read("http_proxy")) ?? all;
        _https = Parse(read("https_proxy") ?? read("HTTPS_PROXY")) ?? all;
        _bypass = (read("no_proxy") ?? read("NO_PROXY") ?? "").Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if ((_https ?? _http) is { UserInfo.Length: > 0 } proxy)
        {
            var colon = proxy.UserInfo.IndexOf(':', StringComparison.Ordinal);
            Credentials = new NetworkCredential(
                Uri.UnescapeDataString(colon < 0 ? proxy.UserInfo : proxy.UserInfo[..colon]), colon < 0 ? "" : Uri.UnescapeDataString(proxy.UserInfo[(colon + 1)..]));
        }
    }

    /// <summary>That of this process.</summary>
    public static EnvironmentProxy Current { get; } = new(Environment.GetEnvironmentVariable);

    /// <inheritdoc/>
    public ICredentials? Credentials { get; set; }

    /// <inheritdoc/>
    public Uri? GetProxy(Uri destination) => IsBypassed(destination) ? null : destination.Scheme == Uri.UriSchemeHttps ? _https : _http;

    /// <inheritdoc/>
    public bool IsBypassed(Uri host) => (host.Scheme == Uri.UriSchemeHttps ? _https : _http) is null || Array.Exists(_bypass, rule => Matches(rule, host.IdnHost));

    private static bool Matches(string rule, string host)
    {
        if (rule == "*")
        {
            return true;
        }

        var address = IPAddress.TryParse(host.Trim('[', ']'), out var parsed) ? parsed : null;
        if (address is not null)
        {
            return IPNetwork.TryParse(rule, out var network) ? network.Contains(address) : IPAddress.TryParse(rule.Trim('[', ']'), out var single) && single.Equals(address);
        }

        var domain = rule.TrimStart('.');
        return host.Equals(domain, StringComparison.OrdinalIgnoreCase) || host.EndsWith("." + domain, StringComparison.OrdinalIgnoreCase);
    }

    private static Uri? Parse(string? text) => string.IsNullOrWhiteSpace(text)
        ? null
        : Uri.TryCreate(text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text, UriKind.Absolute, out var url) ? url : null;
}
