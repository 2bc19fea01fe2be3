using System.Globalization;
using System.Text.Json;

namespace NixFuseStore.MountBenchmarks.Hosts;

/// <summary>A host that mounts the store: a mount point and a cache directory of its own, in a network namespace or on loopback.</summary>
internal sealed class ClientHost(Options options, ServerHost server, Network? network, string folder) : IDisposable
{
    private readonly string _program = Path.Combine(options.Programs, "nixfuse");
    private bool _mounted;

    // Nix's root= names the folder above the one that holds store and var.
    public string MountPoint { get; } = Path.Combine(folder, "nix");

    public string Store => MountPoint + "/store";

    /// <summary>Where stock Nix and other speakers of the worker protocol connect.</summary>
    public string DaemonSocket => MountPoint + "/var/nix/daemon-socket/socket";

    /// <summary>The mount as a store of stock Nix, for --store, --to and --from.</summary>
    public string StoreUri => $"unix://{DaemonSocket}?root={folder}";

    private string CacheDirectory => Path.Combine(folder, "cache");

    /// <summary>Mounts and returns when the store is usable.</summary>
    public void Mount(params string[] arguments)
    {
        Directory.CreateDirectory(MountPoint);
        _mounted = true;
        Nixfuse(["mount", MountPoint, "--cache-dir", CacheDirectory, "--trusted-public-key", server.PublicKey, .. arguments]);
    }

    public void Unmount()
    {
        if (_mounted)
        {
            Nixfuse("unmount", MountPoint);
            _mounted = false;
        }
    }

    /// <summary>Forgets all that was fetched; only while nothing is mounted.</summary>
    public void EmptyCache()
    {
        if (Directory.Exists(CacheDirectory))
        {
            Directory.Delete(CacheDirectory, recursive: true);
        }
    }

    public string Push(string storeRoot, params string[] paths) =>
        Nixfuse(["push", "--from", storeRoot, .. paths]);

    /// <summary>Full paths in the server's store whose base names begin so.</summary>
    public string[] List(string prefix) => Nixfuse("ls", prefix).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The status of this mount.</summary>
    public JsonElement Status()
    {
        using var document = JsonDocument.Parse(Nixfuse("status", "--json"));
        return document.RootElement.GetProperty("mounts").EnumerateArray().First(mount => mount.GetProperty("mountPoint").GetString() == MountPoint).Clone();
    }

    /// <summary>Requests that the kernel has sent to the client so far.</summary>
    public long Requests() => Status().GetProperty("requests").GetProperty("total").GetInt64();

    /// <summary>Resident memory of the client process in MiB.</summary>
    public double ResidentMebibytes() => Status().GetProperty("residentBytes").GetInt64() / 1048576.0;

    /// <summary>Processor time of the client process so far, seconds.</summary>
    public double ProcessorSeconds()
    {
        using var process = System.Diagnostics.Process.GetProcessById(Status().GetProperty("workerPid").GetInt32());
        return process.TotalProcessorTime.TotalSeconds;
    }

    public double Time(Job job, string scratch) => Shell.Time("bwrap", job.Bubblewrap(Store, scratch));

    public void Dispose()
    {
        try
        {
            Unmount();
        }
        catch (BenchmarkException error)
        {
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"cannot unmount {MountPoint}: {error.Message}"));
        }
    }

    private string Nixfuse(params string[] arguments) => network is null
        ? Shell.Run(_program, arguments, server.ClientEnvironment)
        : Shell.Run("nsenter", ["--net=/run/netns/" + network.ClientNamespace, _program, .. arguments], server.ClientEnvironment);
}
