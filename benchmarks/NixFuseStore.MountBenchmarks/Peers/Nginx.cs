using System.Diagnostics;
using NixFuseStore.MountBenchmarks.Hosts;

namespace NixFuseStore.MountBenchmarks.Peers;

/// <summary>nginx serving the files of a folder, with sendfile and connections kept alive, on loopback or in a network namespace.</summary>
internal sealed class Nginx : IDisposable
{
    private readonly Process _process;

    public Nginx(string served, string scratch, Network? network)
    {
        var folder = Directory.CreateDirectory(Path.Combine(scratch, "nginx")).FullName;
        var listen = network is null ? $"127.0.0.1:{Ports.FindFree()}" : Network.ServerAddress + ":8081";
        Url = "http://" + listen;
        var configuration = Path.Combine(folder, "nginx.conf");
        var pidFile = folder + "/pid";
        File.Delete(pidFile);
        File.WriteAllText(configuration, $$"""
            daemon off; worker_processes 2; pid {{pidFile}}; error_log {{folder}}/error.log; user root;
            events { worker_connections 512; }
            http {
              access_log off; sendfile on; tcp_nopush on; keepalive_requests 10000000;
              server { listen {{listen}}; root {{served}}; }
            }
            """);
        string[] command = ["nginx", "-e", folder + "/error.log", "-c", configuration];
        _process = network is null
            ? Shell.Start(command[0], command[1..])
            : Shell.Start("ip", ["netns", "exec", network.ServerNamespace, .. command]);
        Shell.Await("nginx answers", () => File.Exists(pidFile));
    }

    /// <summary>Why there is no such peer here, or null.</summary>
    public static string? WhyMissing => Shell.Find("nginx") is null ? "nginx is not installed (Debian: apt-get install nginx-light)" : null;

    public string Url { get; }

    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }
}
