using System.Diagnostics;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.NixCommands;

/// <summary>The installed Nix's own daemon over a chroot store of its own.</summary>
internal sealed class StockDaemon : IDisposable
{
    private readonly Process _process;

    /// <param name="root">The folder that becomes the chroot store.</param>
    /// <param name="other">A second daemon, to copy to.</param>
    public StockDaemon(string root, StockDaemon? other = null)
    {
        Store = new StoreUnderTest(root, other?.Store, HttpCache: null, Builds: true) { Bring = (source, path) => source.CopyTo(root, path) };
        Directory.CreateDirectory(Path.GetDirectoryName(Store.SocketPath)!);
        _process = Command.Start("nix-daemon", [], new Dictionary<string, string>
        {
            ["NIX_REMOTE"] = root,
            ["NIX_DAEMON_SOCKET_PATH"] = Store.SocketPath,
            ["NIX_CONF_DIR"] = "/nonexistent",
            ["NIX_CONFIG"] = "build-users-group =\nsubstituters =",
        });
        // A pipe that nobody empties would stop it.
        _process.OutputDataReceived += (_, _) => { };
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        Eventually.Holds("the stock daemon listens", () => File.Exists(Store.SocketPath));
    }

    public StoreUnderTest Store { get; }

    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }
}
