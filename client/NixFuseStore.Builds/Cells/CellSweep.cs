using System.Diagnostics;
using NixFuseStore.Native.Files;

namespace NixFuseStore.Builds.Cells;

/// <summary>Clears cells away: one that has served, and those of a process that was killed, with all that still runs in them.</summary>
internal static class CellSweep
{
    /// <summary>Digits of a cell's name, hexadecimal.</summary>
    internal const int NameDigits = 12;

    /// <summary>What is before the name of a cell that is not locked yet.</summary>
    internal const string NewPrefix = "new-";

    /// <summary>The file by which a cell says that it stays for its user.</summary>
    internal const string KeptMark = "kept";

    /// <summary>The file beside the cells in which a start notes control groups without a process.</summary>
    private const string EmptyGroupsFile = "empty-cgroups";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>A cell without a lock is one that was given up, if it is older than this.</summary>
    private static readonly TimeSpan NewMax = TimeSpan.FromHours(1);

    /// <summary>Clears away what no living process owns. Touches nothing that is no cell. Blocks on the disk.</summary>
    /// <param name="parent">Where cells lie, and nothing else; made where it is missing.</param>
    /// <param name="notice">Told in one line what stays behind.</param>
    /// <exception cref="IOException">Others may write there: what lies there would not be believed.</exception>
    internal static void Run(string parent, Action<string> notice)
    {
        PrivateDirectory.Create(parent);
        if (File.GetUnixFileMode(parent) != OwnerOnly)
        {
            throw new IOException($"{parent} is open to others than its owner; it wants mode 0700");
        }

        foreach (var directory in new DirectoryInfo(parent).EnumerateDirectories().Where(static directory => directory.LinkTarget is null && IsCell(directory)))
        {
            try
            {
                using var held = CellLock.Take(directory.FullName);
                if (!File.Exists(Path.Combine(directory.FullName, KeptMark)) && CellProcessFile.TryKillLeftOver(directory.FullName, notice))
                {
                    CellGroups.Remove(directory.FullName, notice);
                    Remove(directory.FullName, [], notice);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Another process builds there.
            }
        }

        CellGroups.RemoveOld(Path.Combine(parent, EmptyGroupsFile));
    }

    /// <summary>Removes a cell's directory. Links are removed, and not followed.</summary>
    /// <param name="directory">The cell.</param>
    /// <param name="kept">What of it stays.</param>
    /// <param name="notice">Told in one line what stays behind.</param>
    internal static void Remove(string directory, IReadOnlyCollection<string> kept, Action<string> notice)
    {
        try
        {
            if (kept.Count == 0)
            {
                RemoveAll(directory);
                return;
            }

            foreach (var entry in new DirectoryInfo(directory).EnumerateFileSystemInfos().Where(entry => !kept.Contains(entry.Name)))
            {
                if (entry is DirectoryInfo { LinkTarget: null } below)
                {
                    RemoveAll(below.FullName);
                }
                else
                {
                    entry.Delete();
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            notice($"the build directory {directory} stays behind: {e.Message}");
        }
    }

    /// <summary>Removes a directory. A builder may leave names that are no text and paths that are longer than the kernel takes, which rm(1) can remove.</summary>
    private static void RemoveAll(string directory)
    {
        try
        {
            Directory.Delete(directory, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // ArgumentException: for a path that is too long, .NET says that it is empty.
            using var rm = Process.Start(new ProcessStartInfo("rm", ["-rf", "--one-file-system", "--", directory]) { RedirectStandardError = true });
            string said = rm!.StandardError.ReadToEnd().Split('\n')[0];
            rm.WaitForExit();
            if (Directory.Exists(directory))
            {
                throw new IOException(said.Length > 0 ? said : e.Message, e);
            }
        }
    }

    private static bool IsCell(DirectoryInfo directory) =>
        IsName(directory.Name)
        || (directory.Name.StartsWith(NewPrefix, StringComparison.Ordinal) && IsName(directory.Name[NewPrefix.Length..])
            && DateTime.UtcNow - directory.LastWriteTimeUtc > NewMax);

    /// <summary>Whether a cell may have this name.</summary>
    internal static bool IsName(string name) => name.Length == NameDigits && name.All(char.IsAsciiHexDigitLower);
}
