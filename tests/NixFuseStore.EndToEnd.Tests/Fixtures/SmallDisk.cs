using System.Globalization;

namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>A small file system of its own, for one folder.</summary>
internal sealed class SmallDisk : IDisposable
{
    public SmallDisk(string folder, int megabytes)
    {
        Folder = Directory.CreateDirectory(folder).FullName;
        Command.Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "nixfuse-test", Folder).Succeeded();
    }

    public string Folder { get; }

    public void Fill(int keepMegabytes = 0)
    {
        var free = new DriveInfo(Folder).AvailableFreeSpace - (keepMegabytes * 1048576L);
        Command.Run("fallocate", "-l", free.ToString(CultureInfo.InvariantCulture), Folder + "/filler").Succeeded();
    }

    public void Free() => File.Delete(Folder + "/filler");

    public void Dispose() => Command.Run("umount", "--lazy", Folder);
}
