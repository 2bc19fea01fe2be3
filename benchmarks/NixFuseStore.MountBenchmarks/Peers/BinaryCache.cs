using System.Diagnostics;
using System.Globalization;
using NixFuseStore.MountBenchmarks.Hosts;

namespace NixFuseStore.MountBenchmarks.Peers;

/// <summary>A static HTTP binary cache (nginx, zstd), and what `nix copy` from it into a chroot store on tmpfs takes.</summary>
internal sealed class BinaryCache : IDisposable
{
    private readonly Nginx _nginx;
    private readonly Network _network;
    private readonly string _stores;

    public BinaryCache(string cacheFolder, string scratch, Network network)
    {
        _network = network;
        _stores = Path.Combine("/dev/shm", "nixfuse-bench-" + Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        _nginx = new Nginx(cacheFolder, scratch, network);
    }

    /// <summary>Writes the cache's files: once for all networks.</summary>
    public static string Make(string storeRoot, string folder)
    {
        if (!File.Exists(folder + "/nix-cache-info"))
        {
            Shell.Run("nix", ["--extra-experimental-features", "nix-command", "copy", "--all", "--no-check-sigs",
                "--from", storeRoot, "--to", $"file://{folder}?compression=zstd"], Home(folder + ".home"));
        }

        return folder;
    }

    /// <summary>Copies closures from nothing, then runs the job out of the copy.</summary>
    public (double Seconds, long ReceivedBytes) CopyAndRun(IReadOnlyList<string> paths, Func<string, (string Program, IEnumerable<string> Arguments)> then)
    {
        var store = Path.Combine(_stores, "store");
        Reset(store);
        var received = _network.ClientReceivedBytes;
        var (program, arguments) = then(store + "/nix/store");
        var started = Stopwatch.GetTimestamp();
        Shell.Run("nsenter", ["--net=/run/netns/" + _network.ClientNamespace, "nix", "--extra-experimental-features", "nix-command",
            "copy", "--no-check-sigs", "--from", _nginx.Url, "--to", store, .. paths], Home(_stores + "/home"));
        Shell.Run(program, arguments, environment: null);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        return (seconds, _network.ClientReceivedBytes - received);
    }

    public void Dispose()
    {
        _nginx.Dispose();
        if (Directory.Exists(_stores))
        {
            Reset(Path.Combine(_stores, "store"));
            Directory.Delete(_stores, recursive: true);
        }
    }

    private static Dictionary<string, string> Home(string folder)
    {
        Directory.CreateDirectory(folder);
        return new() { ["HOME"] = folder, ["XDG_CACHE_HOME"] = folder, ["NIX_REMOTE"] = "" };
    }

    // Nix makes its paths read-only, so that an ordinary recursive delete does not get them.
    private void Reset(string store)
    {
        if (Directory.Exists(_stores))
        {
            Shell.Run("chmod", "-R", "u+w", _stores);
            Shell.Run("rm", "-rf", store, _stores + "/home");
        }

        Directory.CreateDirectory(store);
    }
}
