using System.Diagnostics;
using System.Globalization;

namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>nginx with the files of a folder, on loopback, as people serve static binary caches.</summary>
internal sealed class StaticServer : IDisposable
{
    private readonly Process _process;
    private bool _stopped;

    /// <param name="served">The files.</param>
    /// <param name="scratch">Gets its configuration and log.</param>
    public StaticServer(string served, string scratch)
    {
        Programs.Require("nginx");
        Directory.CreateDirectory(scratch);
        var listen = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Ports.FindFree()}");
        Url = "http://" + listen;
        File.WriteAllText(scratch + "/nginx.conf", $$"""
            daemon off; worker_processes 1; pid {{scratch}}/pid; error_log {{scratch}}/error.log; user root;
            events { worker_connections 128; }
            http { access_log off; server { listen {{listen}}; root {{served}}; } }
            """);
        _process = Command.Start("nginx", ["-e", scratch + "/error.log", "-c", scratch + "/nginx.conf"]);
        Eventually.Holds("nginx answers", () => Command.Run("curl", "-sf", "-o", "/dev/null", Url + "/nix-cache-info").Status == 0);
    }

    public string Url { get; }

    public void Dispose()
    {
        if (!_stopped)
        {
            _stopped = true;
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
            _process.Dispose();
        }
    }
}
