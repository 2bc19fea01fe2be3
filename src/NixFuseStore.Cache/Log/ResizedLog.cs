using NixFuseStore.Cache.Checkpoints;

namespace NixFuseStore.Cache.Log;

/// <summary>
/// Puts a log that was made for another size in place of the one before, so that a crash at any moment leaves one of the two, whole.
/// </summary>
/// <remarks>
/// <code>
/// resized/            the new log, while it is being filled: deleted at the next opening
/// resized/complete    it is whole and on the disk: from here on it counts, and the old one is deleted
/// resized/moving      the old one is gone; the new one's files move up, checkpoint last
/// </code>
/// </remarks>
internal static class ResizedLog
{
    private const string Complete = "complete";
    private const string Moving = "moving";

    /// <summary>Where the new log is made, within the cache's directory; empty.</summary>
    public static string Prepare(string directory)
    {
        var path = PathIn(directory);
        DeleteIfThere(path);
        Directory.CreateDirectory(path);
        return path;
    }

    /// <summary>The new log is closed and whole: it counts from here on.</summary>
    public static void Commit(string directory) => SummedFile.Write(Path.Combine(PathIn(directory), Complete), []);

    /// <summary>Ends what an earlier opening began; nothing where there is nothing.</summary>
    public static void Finish(string directory, Action<string>? fault)
    {
        var path = PathIn(directory);
        if (SummedFile.TryRead(Path.Combine(path, Moving), fault) is null)
        {
            if (SummedFile.TryRead(Path.Combine(path, Complete), fault) is null)
            {
                DeleteIfThere(path);
                return;
            }

            ChunkLog.DeleteContents(directory);
            SummedFile.Write(Path.Combine(path, Moving), []);
        }

        foreach (var entry in Directory.EnumerateFileSystemEntries(path).OrderBy(static entry => Path.GetFileName(entry) == CheckpointFile.Name))
        {
            if (Path.GetFileName(entry) is not (Complete or Moving))
            {
                fault?.Invoke(entry);
                Directory.Move(entry, Path.Combine(directory, Path.GetFileName(entry)));
            }
        }

        DeleteIfThere(path);
    }

    private static string PathIn(string directory) => Path.Combine(directory, "resized");

    private static void DeleteIfThere(string path)
    {
        try
        {
            Directory.Delete(path, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // As it mostly is.
        }
    }
}
