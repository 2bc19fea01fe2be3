using System.Diagnostics;
using NixFuseStore.MountBenchmarks.Hosts;

namespace NixFuseStore.MountBenchmarks.Peers;

/// <summary>The same store by sshfs, which speaks SFTP without the cost of encryption here.</summary>
internal sealed class Sshfs : IDisposable
{
    private const string SftpServer = "/usr/lib/openssh/sftp-server";
    private readonly string _mountPoint;
    private readonly Process _server;

    public Sshfs(string storeRoot, string folder, Network network)
    {
        _mountPoint = Path.Combine(folder, "sshfs");
        Directory.CreateDirectory(_mountPoint);
        _server = Shell.Start("ip", ["netns", "exec", network.ServerNamespace, "socat",
            $"TCP-LISTEN:2222,bind={Network.ServerAddress},fork,reuseaddr,nodelay", "EXEC:" + SftpServer]);
        Thread.Sleep(300);
        Shell.Run("nsenter", "--net=/run/netns/" + network.ClientNamespace, "sshfs", "-o", "directport=2222,ro,kernel_cache,auto_cache",
            $"{Network.ServerAddress}:{storeRoot}/nix/store", _mountPoint);
    }

    public static bool IsPossible => File.Exists(SftpServer) && File.Exists("/usr/bin/socat");

    public string Store => _mountPoint;

    public void Dispose()
    {
        Shell.Run("umount", _mountPoint);
        _server.Kill(entireProcessTree: true);
        _server.WaitForExit();
        _server.Dispose();
    }
}
