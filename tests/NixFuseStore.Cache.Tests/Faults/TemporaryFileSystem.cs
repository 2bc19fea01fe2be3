using System.Diagnostics;
using Xunit;

namespace NixFuseStore.Cache.Tests.Faults;

/// <summary>A file system of a few megabytes that can be filled up. Needs root.</summary>
internal sealed class TemporaryFileSystem : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public TemporaryFileSystem(int sizeMiB)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            _directory.Dispose();
            Assert.Skip("mounting a small tmpfs needs root");
        }

        if (Run("mount", "-t", "tmpfs", "-o", $"size={sizeMiB}m", "tmpfs", _directory.Path) != 0)
        {
            _directory.Dispose();
            Assert.Skip("tmpfs cannot be mounted here");
        }
    }

    public string Path => _directory.Path;

    private string FillerPath => System.IO.Path.Combine(Path, "filler");

    /// <summary>Takes all space but so much.</summary>
    public void FillUpTo(long leaveBytes)
    {
        using var filler = new FileStream(FillerPath, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        var free = new DriveInfo(Path).AvailableFreeSpace - leaveBytes;
        var block = new byte[64 << 10];
        for (long written = 0; written < free; written += block.Length)
        {
            filler.Write(block);
        }
    }

    public void Free() => File.Delete(FillerPath);

    public void Dispose()
    {
        Run("umount", "-l", _directory.Path);
        _directory.Dispose();
    }

    private static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        return process.ExitCode;
    }
}
