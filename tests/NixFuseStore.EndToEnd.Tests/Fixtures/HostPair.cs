using System.Globalization;

namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>Two hosts on one machine: network namespaces joined by a veth pair, which the test makes and removes.</summary>
internal sealed class HostPair : IDisposable
{
    public const string ServerAddress = "10.78.0.1";
    private static int _made;
    private readonly string _name = string.Create(
        CultureInfo.InvariantCulture, $"nft{Environment.ProcessId}x{Interlocked.Increment(ref _made)}");

    public HostPair()
    {
        Programs.Require("ip");
        Ip("netns", "add", ServerNamespace);
        Ip("netns", "add", ClientNamespace);
        Ip("-n", ServerNamespace, "link", "add", "link0", "type", "veth", "peer", "name", "link0", "netns", ClientNamespace);
        Configure(ServerNamespace, ServerAddress);
        Configure(ClientNamespace, "10.78.0.2");
    }

    public string ServerNamespace => _name + "-s";

    public string ClientNamespace => _name + "-c";

    /// <summary>Unplugs or plugs the client's cable.</summary>
    public void SetLink(bool up) => Ip("-n", ClientNamespace, "link", "set", "link0", up ? "up" : "down");

    public void Dispose()
    {
        Command.Run("ip", "netns", "del", ServerNamespace);
        Command.Run("ip", "netns", "del", ClientNamespace);
    }

    private static void Configure(string ns, string address)
    {
        Ip("-n", ns, "link", "set", "lo", "up");
        Ip("-n", ns, "addr", "add", address + "/24", "dev", "link0");
        Ip("-n", ns, "link", "set", "link0", "up");
    }

    private static void Ip(params string[] arguments) => Command.Run("ip", arguments).Succeeded();
}
