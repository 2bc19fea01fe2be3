using System.Diagnostics;

namespace NixFuseStore.MountBenchmarks.Peers;

/// <summary>A stock nix-daemon over a local chroot store, with its SQLite database on the local disk.</summary>
internal sealed class NixDaemon : IDisposable
{
    private readonly Process _process;

    /// <param name="root">The chroot store; made where it is missing. The socket lies beside it, in <paramref name="root"/><c>.socket</c>.</param>
    /// <param name="settings">The environment with its settings; null for those of all.</param>
    public NixDaemon(string root, IReadOnlyDictionary<string, string>? settings = null)
    {
        Directory.CreateDirectory(root);
        Socket = root + ".socket";
        StoreUri = $"unix://{Socket}?root={root}";
        var environment = new Dictionary<string, string>(settings ?? NixSettings.Environment) { ["NIX_DAEMON_SOCKET_PATH"] = Socket };

        // The daemon tells of each connection on its standard error.
        _process = Shell.Start("sh", ["-c", "exec nix-daemon --store \"$0\" 2>\"$0.log\"", root], environment);
        Shell.Await("nix-daemon listens", () => File.Exists(Socket));

        // A new database must not be made by several connections at once: they find each other's half-written files.
        Shell.Run("nix", ["--store", StoreUri, "path-info", "--all"], NixSettings.Environment);
    }

    /// <summary>Why there is no such peer here, or null.</summary>
    public static string? WhyMissing => Shell.Find("nix-daemon") is null ? "nix-daemon is not installed (Debian: apt-get install nix-bin)" : null;

    public string Socket { get; }

    /// <summary>For --store, --to and --from.</summary>
    public string StoreUri { get; }

    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
        File.Delete(Socket);
    }
}
