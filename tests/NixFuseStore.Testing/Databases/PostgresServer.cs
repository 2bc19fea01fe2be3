using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace NixFuseStore.Testing.Databases;

/// <summary>
/// A real PostgreSQL server on a private data directory, with fsync on, reachable by unix socket and on a free port of 127.0.0.1.
/// It starts when the first database is asked for and ends with this object, or with the test process, however that ends.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    // The server runs until its standard input ends. Where a line came first, its data stays for another start.
    private const string Script = """
        user=$1; directory=$2; shift 2
        if [ "$(id -u)" = 0 ]; then set -- setpriv --reuid="$user" --regid="$user" --clear-groups -- "$@"; fi
        "$@" >"$directory/log" 2>&1 & server=$!
        if read -r line; then keep=1; else keep=0; fi
        kill -INT $server 2>/dev/null; wait $server
        [ $keep = 1 ] || rm -rf "$directory"
        """;

    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly string _directory = Path.Combine("/tmp", $"nixfuse-postgres-{Environment.ProcessId}-{Guid.NewGuid():N}"[..48]);
    private Process? _server;
    private bool _initialised;
    private int _databases;

    /// <summary>Why no server can be started here, or null.</summary>
    public static string? WhyMissing =>
        FindPrograms() is null ? "PostgreSQL is not installed (Debian: apt-get install postgresql)" : null;

    public int Port { get; private set; }

    public string SocketDirectory => _directory;

    /// <summary>Creates an empty database and returns its URI.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        await StartAsync();
        string name = string.Create(CultureInfo.InvariantCulture, $"test{Interlocked.Increment(ref _databases)}");
        await RunAsync("createdb", "-h", _directory, "-p", Port.ToString(CultureInfo.InvariantCulture), "-U", "postgres", name);
        return GetUri(name);
    }

    /// <summary>Keeps a copy of a database as it is now. Connections to it are ended.</summary>
    public async Task BackUpAsync(string uri) => await CopyAsync(NameOf(uri), NameOf(uri) + "_backup");

    /// <summary>Puts the copy in the database's place. Connections to it are ended.</summary>
    public async Task RestoreAsync(string uri)
    {
        await RunAsync("dropdb", "-h", _directory, "-p", Port.ToString(CultureInfo.InvariantCulture), "-U", "postgres", "--force", NameOf(uri));
        await CopyAsync(NameOf(uri) + "_backup", NameOf(uri));
    }

    /// <summary>Runs a statement with psql as the superuser and returns what it prints, unaligned and without headers.</summary>
    public Task<string> QueryAsync(string database, string statement) => RunAsync(
        "psql", "-h", _directory, "-p", Port.ToString(CultureInfo.InvariantCulture), "-U", "postgres", "-d", database, "-At", "-c", statement);

    public static string NameOf(string uri) => uri[(uri.LastIndexOf('/') + 1)..];

    private async Task CopyAsync(string from, string to)
    {
        for (int attempt = 1; ; attempt++)
        {
            await QueryAsync("postgres", $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{from}'");
            try
            {
                await RunAsync("createdb", "-h", _directory, "-p", Port.ToString(CultureInfo.InvariantCulture), "-U", "postgres", "-T", from, to);
                return;
            }
            catch (InvalidOperationException) when (attempt < 50)
            {
                // A pool has connected again in between.
            }
        }
    }

    public string GetUri(string database) => $"postgres://postgres@127.0.0.1:{Port}/{database}";

    /// <summary>The same database by unix socket, which reaches into every network namespace.</summary>
    public string GetSocketUri(string database) => $"postgres://postgres@{Uri.EscapeDataString(_directory)}:{Port}/{database}";

    public async Task StartAsync()
    {
        await _gate.WaitAsync();
        try
        {
            if (_server is null)
            {
                await StartServerAsync();
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Stops the server; <see cref="StartAsync"/> starts it again on the same port with the same data.</summary>
    public async Task StopAsync()
    {
        if (_server is { } server)
        {
            _server = null;
            await server.StandardInput.WriteLineAsync("keep");
            await server.WaitForExitAsync();
            server.Dispose();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is { } server)
        {
            _server = null;
            server.StandardInput.Close();
            await server.WaitForExitAsync();
            server.Dispose();
        }

        if (Directory.Exists(_directory))
        {
            Directory.Delete(_directory, recursive: true);
        }

        _gate.Dispose();
    }

    private static string? FindPrograms() =>
        Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").Order().Select(version => Path.Combine(version, "bin"))
                .LastOrDefault(programs => File.Exists(Path.Combine(programs, "initdb")))
            : null;

    private static int FindFreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static Process Launch(ProcessStartInfo start) =>
        Process.Start(start) ?? throw new InvalidOperationException($"{start.FileName} does not start.");

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        string path = Path.Combine(FindPrograms() ?? throw new InvalidOperationException(WhyMissing), program);
        string[] words = Environment.UserName == "root" && program == "initdb"
            ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--", path, .. arguments]
            : [path, .. arguments];
        using var process = Launch(new ProcessStartInfo(words[0], words[1..]) { RedirectStandardError = true, RedirectStandardOutput = true });
        var output = process.StandardOutput.ReadToEndAsync();
        string errors = await process.StandardError.ReadToEndAsync();
        string text = await output;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} failed: {errors}");
        }

        return text;
    }

    private async Task StartServerAsync()
    {
        // 1. A data directory, which PostgreSQL wants to be its user's own.
        if (!_initialised)
        {
            Directory.CreateDirectory(_directory);
            if (Environment.UserName == "root")
            {
                using var chown = Launch(new ProcessStartInfo("chown", ["postgres:postgres", _directory]));
                await chown.WaitForExitAsync();
            }

            using (var chmod = Launch(new ProcessStartInfo("chmod", ["700", _directory])))
            {
                await chmod.WaitForExitAsync();
            }

            await RunAsync("initdb", "-D", Path.Combine(_directory, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync");
            Port = FindFreePort();
            _initialised = true;
        }

        // 2. The server, under a shell that ends it when our end of the pipe closes.
        var start = new ProcessStartInfo(
            "/bin/sh",
            [
                "-c", Script, "sh", "postgres", _directory, Path.Combine(FindPrograms()!, "postgres"), "-D", Path.Combine(_directory, "data"),
                "-k", _directory, "-p", Port.ToString(CultureInfo.InvariantCulture), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=on",
                "-c", "max_connections=200",
            ])
        {
            RedirectStandardInput = true,
        };
        _server = Launch(start);

        // 3. Until it answers.
        var waiting = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                await RunAsync("pg_isready", "-h", _directory, "-p", Port.ToString(CultureInfo.InvariantCulture));
                return;
            }
            catch (InvalidOperationException) when (waiting.Elapsed < StartTimeout && !_server.HasExited)
            {
                await Task.Delay(50);
            }
        }
    }
}
