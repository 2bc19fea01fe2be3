using System.Globalization;

namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>
/// Hosts on one machine: a network namespace for the server and one for each client, each joined to the server's by a cable of its own.
/// The test makes and removes them.
/// </summary>
internal sealed class HostNetwork : IDisposable
{
    /// <summary>Where every client reaches the server.</summary>
    public const string ServerAddress = "10.78.0.1";

    private static int _made;
    private readonly string[] _clients;
    private readonly string _name = string.Create(
        CultureInfo.InvariantCulture, $"nft{Environment.ProcessId}x{Interlocked.Increment(ref _made)}");

    public HostNetwork(int clients = 1)
    {
        Programs.Require("ip");
        ServerNamespace = _name + "-s";
        _clients = [.. Enumerable.Range(0, clients).Select(i => string.Create(CultureInfo.InvariantCulture, $"{_name}-c{i}"))];
        foreach (var name in _clients.Prepend(ServerNamespace))
        {
            Ip("netns", "add", name);
            Ip("-n", name, "link", "set", "lo", "up");
        }

        for (var i = 0; i < clients; i++)
        {
            Connect(_clients[i], i);
        }
    }

    public string ServerNamespace { get; }

    /// <summary>The words that run a command on a client.</summary>
    public IReadOnlyList<string> Entering(int client = 0) => ["nsenter", "--net=/run/netns/" + _clients[client]];

    public void Dispose()
    {
        foreach (var name in _clients.Prepend(ServerNamespace))
        {
            Command.Run("ip", "netns", "del", name);
        }
    }

    private void Connect(string client, int number)
    {
        var (cable, network) = (Number("link", number), Number("10.78.", number));
        Ip("-n", ServerNamespace, "link", "add", cable, "type", "veth", "peer", "name", "uplink", "netns", client);
        Ip("-n", ServerNamespace, "addr", "add", network + ".1/24", "dev", cable);
        Ip("-n", ServerNamespace, "link", "set", cable, "up");
        Ip("-n", client, "addr", "add", network + ".2/24", "dev", "uplink");
        Ip("-n", client, "link", "set", "uplink", "up");
        if (number > 0)
        {
            Ip("-n", client, "route", "add", ServerAddress, "via", network + ".1");
        }
    }

    private static string Number(string text, int number) => string.Create(CultureInfo.InvariantCulture, $"{text}{number}");

    private static void Ip(params string[] arguments) => Command.Run("ip", arguments).Succeeded();
}
