using Microsoft.Win32.SafeHandles;

namespace NixFuseStore.Builds.Cells;

/// <summary>Says whether the process that made a cell is alive: it holds the lock, and the kernel lets go when it ends, however it ends.</summary>
internal static class CellLock
{
    /// <summary>Takes the lock of a cell.</summary>
    /// <exception cref="IOException">Another process holds it.</exception>
    // FileShare.None is flock(LOCK_EX) on Linux.
    internal static SafeFileHandle Take(string directory) =>
        File.OpenHandle(Path.Combine(directory, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
}
