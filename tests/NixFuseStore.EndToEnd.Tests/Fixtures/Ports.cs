using System.Net;
using System.Net.Sockets;

namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>Ports for servers that cannot choose one themselves.</summary>
internal static class Ports
{
    // Below the ports that Linux gives to outgoing connections: one of those could take the port while the server is down.
    private const int First = 16_384;
    private const int End = 32_768;

    /// <summary>A port of loopback on which no program listens.</summary>
    public static int FindFree()
    {
        while (true)
        {
            var port = Random.Shared.Next(First, End);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // It is in use.
            }
        }
    }
}
