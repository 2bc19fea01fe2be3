using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>A real nixfuse-server, with a data directory and, where asked for, a PostgreSQL database, TLS and a network namespace.</summary>
internal sealed partial class ServerProcess : IDisposable
{
    private readonly List<string> _storage;
    private readonly List<string> _serve = [];
    private readonly string? _namespace;
    private Process? _process;
    private Task<string>? _output;
    private Task<string>? _errors;

    /// <param name="dataDirectory">Packs, and the SQLite file where <paramref name="metadata"/> is null.</param>
    /// <param name="metadata">A PostgreSQL URI, or null.</param>
    /// <param name="hosts">Serves in their server namespace; null for loopback.</param>
    /// <param name="tls">Certificate and key files, or null for cleartext.</param>
    public ServerProcess(string dataDirectory, string? metadata = null, HostNetwork? hosts = null, (string Certificate, string Key)? tls = null)
    {
        _storage = ["--data", dataDirectory];
        if (metadata is not null)
        {
            _storage.AddRange(["--metadata", metadata]);
        }

        _namespace = hosts?.ServerNamespace;
        var address = hosts is null ? "127.0.0.1" : HostNetwork.ServerAddress;
        Url = string.Create(CultureInfo.InvariantCulture, $"{(tls is null ? "http" : "https")}://{address}:{(hosts is null ? Ports.FindFree() : 7420)}");
        _serve.AddRange(["--listen", Url]);
        if (tls is { } files)
        {
            _serve.AddRange(["--tls-certificate", files.Certificate, "--tls-key", files.Key]);
        }

        DataDirectory = dataDirectory;
    }

    public string DataDirectory { get; }

    /// <summary>Arguments of serve besides, such as --metrics.</summary>
    public List<string> ServeArguments => _serve;

    public string Url { get; }

    public int ProcessId => _process!.Id;

    /// <summary>All that it has written, once it has ended.</summary>
    public string Log
    {
        get
        {
            // Its end is seen before its last lines are.
            Assert.True(Task.WaitAll([_errors!, _output!], TimeSpan.FromSeconds(60)), "the server's output does not end");
            return _errors!.Result + _output!.Result;
        }
    }

    /// <summary>Starts it and waits until it answers.</summary>
    public ServerProcess Start()
    {
        string[] command = [Programs.Server, "serve", .. _serve, .. _storage];
        _process = _namespace is null
            ? Command.Start(command[0], command[1..])
            : Command.Start("nsenter", ["--net=/run/netns/" + _namespace, .. command]);
        _output = _process.StandardOutput.ReadToEndAsync();
        _errors = _process.StandardError.ReadToEndAsync();
        Eventually.Holds("the server answers", () =>
        {
            Assert.False(_process.HasExited, "the server ended at once: " + (_process.HasExited ? Log : ""));
            return Probe().Status == 0;
        });
        return this;
    }

    /// <summary>Ends it at once, as a crash would.</summary>
    public void Kill() => End("-KILL");

    /// <summary>Asks it to end, as a service manager would.</summary>
    public void Stop() => End("-TERM");

    public CommandResult Run(params string[] arguments) => Command.Run(Programs.Server, [.. arguments, .. _storage], environment: null);

    public void CreateStore(string name) => Run("store", "create", name).Succeeded();

    public string PublicKey(string store = "main") => KeyPattern().Match(Run("store", "show", store).Succeeded()).Value;

    /// <summary>The secret text of a new token, and the id that revokes it.</summary>
    public string CreateToken(string rights, string store = "main") =>
        Run("token", "create", "--store", store, "--rights", rights).Succeeded().Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries)[^1];

    public void Dispose()
    {
        if (_process is { HasExited: false })
        {
            Stop();
        }

        _process?.Dispose();
    }

    private CommandResult Probe()
    {
        string[] probe = ["-sfk", "-o", "/dev/null", "--max-time", "5", Url + "/healthz"];
        return _namespace is null ? Command.Run("curl", probe) : Command.Run("nsenter", ["--net=/run/netns/" + _namespace, "curl", .. probe]);
    }

    private void End(string signal)
    {
        if (_process is null || _process.HasExited)
        {
            return;
        }

        Command.Run("kill", signal, _process.Id.ToString(CultureInfo.InvariantCulture));
        if (!_process.WaitForExit(TimeSpan.FromSeconds(60)))
        {
            _process.Kill(entireProcessTree: true);
            Assert.Fail("the server did not end within a minute of " + signal);
        }
    }

    [GeneratedRegex(@"[A-Za-z0-9._-]+:[A-Za-z0-9+/]{43}=")]
    private static partial Regex KeyPattern();
}
