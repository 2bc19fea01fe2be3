using System.Globalization;

namespace NixFuseStore.MountBenchmarks.Hosts;

/// <summary>Two hosts with a bandwidth and a round-trip time between them: network namespaces that two-hosts.sh makes.</summary>
internal sealed class Network : IDisposable
{
    public const string ServerAddress = "10.77.0.1";
    private static readonly string Script = Path.Combine(AppContext.BaseDirectory, "network", "two-hosts.sh");
    private readonly string _name = "nfb" + Environment.ProcessId.ToString(CultureInfo.InvariantCulture);

    public Network(string rate, int roundTripMilliseconds)
    {
        Rate = rate;
        RoundTripMilliseconds = roundTripMilliseconds;
        Shell.Run(Script, "up", _name, rate, roundTripMilliseconds.ToString(CultureInfo.InvariantCulture));
    }

    public string Rate { get; }

    public int RoundTripMilliseconds { get; }

    public string ServerNamespace => _name + "-server";

    public string ClientNamespace => _name + "-client";

    /// <summary>Bytes that the client's link has received since it was made.</summary>
    public long ClientReceivedBytes => Counter(ClientNamespace, "rx_bytes");

    public long ServerReceivedBytes => Counter(ServerNamespace, "rx_bytes");

    public void Dispose() => Shell.Run(Script, "down", _name);

    private static long Counter(string ns, string name) => long.Parse(
        Shell.Run("ip", "netns", "exec", ns, "cat", "/sys/class/net/link0/statistics/" + name), CultureInfo.InvariantCulture);
}
