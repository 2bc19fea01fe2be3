using System.Net;
using System.Net.Sockets;

namespace NixFuseStore.MountBenchmarks.Hosts;

/// <summary>Ports of loopback, which other programs of the machine use as well.</summary>
internal static class Ports
{
    /// <summary>One that nothing listens on now.</summary>
    public static int FindFree()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
