using System.Net;
using System.Net.Sockets;

namespace NixFuseStore.Server.Upstreams;

/// <summary>Addresses that only mean something near this server: its own, its network's, and those that no host has.</summary>
internal static class PrivateAddresses
{
    private static readonly IPNetwork[] Networks =
    [
        IPNetwork.Parse("0.0.0.0/8"), IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("100.64.0.0/10"), IPNetwork.Parse("127.0.0.0/8"),
        IPNetwork.Parse("169.254.0.0/16"), IPNetwork.Parse("172.16.0.0/12"), IPNetwork.Parse("192.0.0.0/24"), IPNetwork.Parse("192.168.0.0/16"),
        IPNetwork.Parse("198.18.0.0/15"), IPNetwork.Parse("224.0.0.0/3"),
        IPNetwork.Parse("::/127"), IPNetwork.Parse("fc00::/7"), IPNetwork.Parse("fe80::/10"), IPNetwork.Parse("ff00::/8"),
    ];

    public static bool Contains(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return Array.Exists(Networks, network => network.BaseAddress.AddressFamily == plain.AddressFamily && network.Contains(plain));
    }

    /// <summary>Whether a host of a URL is at such an address. One that has no address here, as behind a proxy, is not.</summary>
    public static async ValueTask<bool> ContainsAsync(string host, CancellationToken cancellation)
    {
        if (IPAddress.TryParse(host.Trim('[', ']'), out var address))
        {
            return Contains(address);
        }

        try
        {
            return (await Dns.GetHostAddressesAsync(host, cancellation).ConfigureAwait(false)).Any(Contains);
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
