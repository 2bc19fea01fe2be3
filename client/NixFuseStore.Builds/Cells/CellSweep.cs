using NixFuseStore.Native.Files;

namespace NixFuseStore.Builds.Cells;

/// <summary>Clears cells away: one that has served, and those of a process that was killed, with all that still runs in them.</summary>
internal static class CellSweep
{
    /// <summary>Clears away what no living process owns. Blocks on the disk.</summary>
    /// <param name="parent">Where cells lie; made where it is missing.</param>
    /// <param name="notice">Told in one line what stays behind.</param>
    internal static void Run(string parent, Action<string> notice)
    {
        PrivateDirectory.Create(parent);
        foreach (string directory in Directory.EnumerateDirectories(parent))
        {
            try
            {
                using var held = CellLock.Take(directory);

                // What was kept for its user has no process file any more.
                if (CellProcessFile.KillLeftOver(directory))
                {
                    Remove(directory, keep: null, notice);
                }
            }
            catch (IOException)
            {
                // Another process builds there.
            }
        }
    }

    /// <summary>Removes a cell's directory.</summary>
    /// <param name="directory">The cell.</param>
    /// <param name="keep">The one thing in it that stays; null for nothing.</param>
    /// <param name="notice">Told in one line what stays behind.</param>
    internal static void Remove(string directory, string? keep, Action<string> notice)
    {
        try
        {
            if (keep is null)
            {
                Directory.Delete(directory, recursive: true);
                return;
            }

            foreach (string entry in Directory.EnumerateFileSystemEntries(directory).Where(entry => Path.GetFileName(entry) != keep))
            {
                if (Directory.Exists(entry))
                {
                    Directory.Delete(entry, recursive: true);
                }
                else
                {
                    File.Delete(entry);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            notice($"the build directory {directory} stays behind: {e.Message}");
        }
    }
}
