using System.Net;
using Microsoft.AspNetCore.Connections.Features;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Server.Access;

/// <summary>
/// Who a request over loopback is from, while no token was made: the kernel is asked whose process is at the other end, and the request
/// must not be one that a browser or a forwarder passes on for someone else.
/// </summary>
internal static class LocalPeer
{
    private static readonly object UserIdKey = new();

    // What proxies add.
    private static readonly string[] ForwardingHeaders = ["x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via"];

    /// <summary>Why the request is not one of root or of the server's own user on this host; null where it is.</summary>
    public static string? WhyRefused(HttpContext context)
    {
        // 1. From this host, and not through a proxy on it.
        if (context.Connection.RemoteIpAddress is not { } address || !IPAddress.IsLoopback(Plain(address)))
        {
            return "only the server's own host is served";
        }

        foreach (var header in ForwardingHeaders)
        {
            if (context.Request.Headers.ContainsKey(header))
            {
                return $"requests that a proxy forwards ({header}) are not served";
            }
        }

        // 2. Not by a web page: that names where it comes from, or a host name of its own that was made to mean this host (DNS rebinding).
        if (context.Request.Headers.ContainsKey("origin"))
        {
            return "requests of web pages (Origin) are not served";
        }

        if (!IsThisHost(context.Request.Host.Host))
        {
            return "requests for another host's name (Host) are not served: use 127.0.0.1, [::1] or localhost";
        }

        // 3. By root or by the server's own user.
        var userId = UserIdOf(context);
        return userId is 0 || userId == Libc.EffectiveUserId
            ? null
            : $"only root and the server's own user ({Libc.EffectiveUserId}) are served on this host, not {(userId is null ? "a connection whose owner is unknown" : $"user {userId}")}";
    }

    /// <summary>Asked once a connection: its owner stays the same.</summary>
    private static uint? UserIdOf(HttpContext context)
    {
        var items = context.Features.Get<IConnectionItemsFeature>()?.Items;
        if (items is not null && items.TryGetValue(UserIdKey, out var known))
        {
            return (uint?)known;
        }

        var connection = context.Connection;
        var userId = TcpPeer.UserIdOf(
            new IPEndPoint(connection.RemoteIpAddress!, connection.RemotePort),
            new IPEndPoint(connection.LocalIpAddress ?? IPAddress.Loopback, connection.LocalPort));
        if (userId is not null && items is not null)
        {
            items[UserIdKey] = userId;
        }

        return userId;
    }

    private static bool IsThisHost(string host)
    {
        var name = host.Trim('[', ']');
        return IPAddress.TryParse(name, out var address)
            ? IPAddress.IsLoopback(Plain(address))
            : name.Equals("localhost", StringComparison.OrdinalIgnoreCase)
                || name.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
                || name.Equals(Environment.MachineName, StringComparison.OrdinalIgnoreCase);
    }

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
