namespace NixFuseStore.Testing.Users;

/// <summary>
/// Programs for tests that run them as another user. Where that user cannot reach the program, as in a clone in root's home directory, a copy
/// stands for it, which goes with this process.
/// </summary>
public static class ReachablePrograms
{
    private const UnixFileMode OthersPass = UnixFileMode.OtherExecute;

    private static readonly Lock Lock = new();
    private static readonly Dictionary<string, string> Copies = new(StringComparer.Ordinal);

    /// <summary>A program that is one file.</summary>
    /// <param name="path">Where it is.</param>
    /// <returns>The path, or that of a copy.</returns>
    public static string File(string path) => IsReachable(path) ? path : CopyOf(path, copy => System.IO.File.Copy(path, copy));

    /// <summary>A program with what lies beside it.</summary>
    /// <param name="path">Where it is.</param>
    /// <returns>The path, or that of the program in a copy of its directory.</returns>
    public static string WithDirectory(string path)
    {
        string directory = Path.GetDirectoryName(path)!;
        return IsReachable(path) ? path : Path.Combine(CopyOf(directory, copy => CopyDirectory(directory, copy)), Path.GetFileName(path));
    }

    private static bool IsReachable(string path)
    {
        for (var directory = Directory.GetParent(path); directory is not null; directory = directory.Parent)
        {
            if (!directory.UnixFileMode.HasFlag(OthersPass))
            {
                return false;
            }
        }

        return true;
    }

    private static string CopyOf(string path, Action<string> copyTo)
    {
        lock (Lock)
        {
            if (!Copies.TryGetValue(path, out string? copy))
            {
                var directory = Directory.CreateTempSubdirectory("nixfuse-programs-");
                AppDomain.CurrentDomain.ProcessExit += (_, _) => directory.Delete(recursive: true);
                directory.UnixFileMode |= UnixFileMode.GroupExecute | UnixFileMode.GroupRead | UnixFileMode.OtherExecute | UnixFileMode.OtherRead;
                copy = Path.Combine(directory.FullName, Path.GetFileName(path));
                copyTo(copy);
                Copies.Add(path, copy);
            }

            return copy;
        }
    }

    private static void CopyDirectory(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.EnumerateFiles(from))
        {
            System.IO.File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }

        foreach (string directory in Directory.EnumerateDirectories(from))
        {
            CopyDirectory(directory, Path.Combine(to, Path.GetFileName(directory)));
        }
    }
}
