using System.Diagnostics;
using System.Text.RegularExpressions;

namespace NixFuseStore.MountBenchmarks.Hosts;

/// <summary>A nixfuse-server with a data directory of its own, in a network namespace or on loopback.</summary>
internal sealed partial class ServerHost : IDisposable
{
    private readonly string _program;
    private readonly string[] _storage;
    private readonly Process _process;

    /// <param name="options">Where the program is.</param>
    /// <param name="dataDirectory">Its packs, and its metadata unless these are elsewhere; kept for another server.</param>
    /// <param name="network">Its host, or null for loopback.</param>
    /// <param name="metadata">URI of a PostgreSQL database; null for SQLite in the data directory.</param>
    public ServerHost(Options options, string dataDirectory, Network? network, string? metadata = null)
    {
        _program = Path.Combine(options.Programs, "nixfuse-server");
        DataDirectory = dataDirectory;
        Directory.CreateDirectory(dataDirectory);
        _storage = metadata is null ? ["--data", dataDirectory] : ["--data", dataDirectory, "--metadata", metadata];
        Url = network is null ? $"http://127.0.0.1:{Ports.FindFree()}" : $"http://{Network.ServerAddress}:7431";
        // The store comes before the token, and the token before anyone but loopback is served.
        if (!StoreExists())
        {
            Shell.Run(_program, ["store", "create", "main", .. _storage], environment: null);
        }

        Token = Shell.Run(_program, ["token", "create", "--store", "main", "--rights", "write", .. _storage], environment: null)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[^1].Split(' ')[^1];
        PublicKey = KeyPattern().Match(Shell.Run(_program, ["store", "show", "main", .. _storage], environment: null)).Value;
        string[] command = [_program, "serve", "--listen", Url, .. _storage];
        _process = network is null
            ? Shell.Start(command[0], command[1..])
            : Shell.Start("nsenter", ["--net=/run/netns/" + network.ServerNamespace, .. command]);
        string[] probe = ["-sf", "-o", "/dev/null", "-H", "Authorization: Bearer " + Token, Url + "/healthz"];
        Shell.Await("the server answers", () => Answers(network, probe));
    }

    public string DataDirectory { get; }

    public int ProcessId => _process.Id;

    public string Url { get; }

    public string Token { get; }

    public string PublicKey { get; }

    public IReadOnlyDictionary<string, string> ClientEnvironment => new Dictionary<string, string>
    {
        ["NIXFUSE_SERVER"] = Url,
        ["NIXFUSE_TOKEN"] = Token,
    };

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Shell.Run("kill", "-TERM", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
            if (!_process.WaitForExit(TimeSpan.FromSeconds(15)))
            {
                _process.Kill(entireProcessTree: true);
            }
        }

        _process.Dispose();
    }

    private static bool Answers(Network? network, string[] probe)
    {
        try
        {
            Shell.Run(network is null ? "curl" : "nsenter", network is null ? probe : ["--net=/run/netns/" + network.ServerNamespace, "curl", .. probe], environment: null);
            return true;
        }
        catch (BenchmarkException)
        {
            return false;
        }
    }

    private bool StoreExists()
    {
        try
        {
            Shell.Run(_program, ["store", "show", "main", .. _storage], environment: null);
            return true;
        }
        catch (BenchmarkException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"[A-Za-z0-9._-]+:[A-Za-z0-9+/]{43}=")]
    private static partial Regex KeyPattern();
}
