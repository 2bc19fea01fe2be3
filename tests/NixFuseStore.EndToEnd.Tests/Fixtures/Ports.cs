using System.Net;
using System.Net.Sockets;

namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>Ports for servers that cannot choose one themselves.</summary>
internal static class Ports
{
    /// <summary>A port of loopback that nobody listens on.</summary>
    public static int FindFree()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
