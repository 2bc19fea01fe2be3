namespace NixFuseStore.MountBenchmarks.Peers;

/// <summary>The same store as a compressed image, mounted by squashfuse.</summary>
internal sealed class SquashFuse : IDisposable
{
    private readonly string _mountPoint;

    public SquashFuse(string storeRoot, string folder)
    {
        Directory.CreateDirectory(folder);
        var image = Path.Combine(folder, "store.squashfs");
        if (!File.Exists(image))
        {
            Shell.Run("mksquashfs", storeRoot + "/nix/store", image, "-comp", "zstd", "-no-progress", "-quiet");
        }

        _mountPoint = Path.Combine(folder, "squashfuse");
        Directory.CreateDirectory(_mountPoint);
        Shell.Run(File.Exists("/usr/bin/squashfuse_ll") ? "squashfuse_ll" : "squashfuse", image, _mountPoint);
    }

    public string Store => _mountPoint;

    public void Dispose() => Shell.Run("umount", _mountPoint);
}
