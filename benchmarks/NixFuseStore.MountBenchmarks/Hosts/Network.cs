using System.Globalization;

namespace NixFuseStore.MountBenchmarks.Hosts;

/// <summary>Two hosts with a bandwidth and a round-trip time between them: network namespaces of our own.</summary>
/// <remarks>netem does the delay where the kernel has it, the delay program beside the project elsewhere.</remarks>
internal sealed class Network : IDisposable
{
    public const string ServerAddress = "10.77.0.1";
    private const string Simulator = "../shared/netsim/netsim.sh";
    private readonly string _name = "nfb" + Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
    private readonly bool _simulated;

    public Network(string rate, int roundTripMilliseconds)
    {
        Rate = rate;
        RoundTripMilliseconds = roundTripMilliseconds;
        _simulated = File.Exists(Simulator);
        if (_simulated)
        {
            // The delay program goes on in the background and keeps the pipes of a captured start.
            using var process = Shell.Start(Simulator, ["up", _name, rate, roundTripMilliseconds.ToString(CultureInfo.InvariantCulture)]);
            if (!process.WaitForExit(TimeSpan.FromSeconds(60)) || process.ExitCode != 0)
            {
                throw new BenchmarkException($"{Simulator} up {_name}: failed");
            }
        }
        else
        {
            UpWithNetem();
        }
    }

    public string Rate { get; }

    public int RoundTripMilliseconds { get; }

    public string ServerNamespace => _name + "-server";

    public string ClientNamespace => _name + "-client";

    /// <summary>Bytes that the client's link has received since it was made.</summary>
    public long ClientReceivedBytes => Counter(ClientNamespace, "rx_bytes");

    public long ServerReceivedBytes => Counter(ServerNamespace, "rx_bytes");

    public void Dispose()
    {
        if (_simulated)
        {
            Shell.Run(Simulator, "down", _name);
            return;
        }

        Shell.Run("ip", "netns", "del", ServerNamespace);
        Shell.Run("ip", "netns", "del", ClientNamespace);
    }

    private static long Counter(string ns, string name) => long.Parse(
        Shell.Run("ip", "netns", "exec", ns, "cat", "/sys/class/net/link0/statistics/" + name), CultureInfo.InvariantCulture);

    private void UpWithNetem()
    {
        var delay = (RoundTripMilliseconds / 2.0).ToString(CultureInfo.InvariantCulture) + "ms";
        Shell.Run("ip", "netns", "add", ServerNamespace);
        Shell.Run("ip", "netns", "add", ClientNamespace);
        Shell.Run("ip", "-n", ServerNamespace, "link", "add", "link0", "type", "veth", "peer", "name", "link0", "netns", ClientNamespace);
        foreach (var (ns, address) in new[] { (ServerNamespace, ServerAddress), (ClientNamespace, "10.77.0.2") })
        {
            Shell.Run("ip", "-n", ns, "link", "set", "lo", "up");
            Shell.Run("ip", "-n", ns, "addr", "add", address + "/24", "dev", "link0");
            Shell.Run("ip", "-n", ns, "link", "set", "link0", "up");
            Shell.Run("ip", "netns", "exec", ns, "tc", "qdisc", "replace", "dev", "link0", "root", "netem", "delay", delay, "rate", Rate, "limit", "20000");
        }
    }
}
