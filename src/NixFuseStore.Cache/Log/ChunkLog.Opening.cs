using NixFuseStore.Cache.Checkpoints;
using NixFuseStore.Cache.Keys;

namespace NixFuseStore.Cache.Log;

internal sealed partial class ChunkLog
{
    private const string LogName = "log";

    /// <summary>What the versions before had in every directory, and this one never has.</summary>
    private const string EarlierVersionName = "geometry";

    /// <summary>Opens what lies in the directory.</summary>
    /// <returns>The log; null when the directory holds none.</returns>
    /// <exception cref="IOException">The disk does not give it now, which says nothing of what it holds.</exception>
    /// <exception cref="InvalidDataException">What lies there is damaged, or of another version.</exception>
    public static ChunkLog? Recover(ChunkCacheOptions options)
    {
        // 1. The last checkpoint.
        ResizedLog.Finish(options.Directory, options.FileFault);
        if (File.Exists(Path.Combine(options.Directory, EarlierVersionName)))
        {
            throw new InvalidDataException("another version made it");
        }

        if (CheckpointFile.TryRead(options.Directory, options.FileFault) is not var (checkpoint, keys))
        {
            return null;
        }

        // 2. The files that it needs.
        var geometry = CacheGeometry.Of(in checkpoint);
        var log = new ChunkLog(options.Directory, geometry, options, keys, checkpoint.BeginAddress, checkpoint.TailAddress)
        {
            IsOfAnotherSize = !CacheGeometry.For(options).CanUse(geometry),
        };
        try
        {
            log._checkpointFileBytes = CheckpointFile.FileBytes(keys.Count);

            // 3. Does the disk give them? What it holds is looked at when it is asked for.
            Span<byte> last = stackalloc byte[1];
            log._log.Read(checkpoint.TailAddress - 1, last);
            return log;
        }
        catch
        {
            log.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Whether a failure of <see cref="Recover"/> proves that the files are damaged or gone: only then may the cache start empty. Anything
    /// else (no descriptors, no memory, a disk that gives errors) may be over at the next attempt.
    /// </summary>
    public static bool IsDamage(Exception failure) => failure
        is FileNotFoundException or DirectoryNotFoundException
        or (not IOException and not UnauthorizedAccessException and not OutOfMemoryException);

    /// <summary>Deletes whatever cache lies in the directory and starts an empty one.</summary>
    public static ChunkLog Create(ChunkCacheOptions options)
    {
        DeleteContents(options.Directory);
        return CreateIn(options, options.Directory);
    }

    /// <summary>Starts an empty one in an empty directory.</summary>
    /// <exception cref="IOException">The disk does not even take an empty checkpoint.</exception>
    public static ChunkLog CreateIn(ChunkCacheOptions options, string directory)
    {
        var log = new ChunkLog(directory, CacheGeometry.For(options), options, new KeyTable(), SegmentedLog.FirstAddress, SegmentedLog.FirstAddress);
        try
        {
            log.WriteCheckpoint(SegmentedLog.FirstAddress);
            return log;
        }
        catch
        {
            log.Dispose();
            throw;
        }
    }

    /// <summary>Deletes the files of a cache, also of earlier versions, and only those.</summary>
    public static void DeleteContents(string directory)
    {
        // The checkpoint first: without it, nothing counts of what is left when this is interrupted.
        foreach (var name in (string[])[CheckpointFile.Name, CheckpointFile.NextName, "current", "current.next"])
        {
            File.Delete(Path.Combine(directory, name));
        }

        foreach (var path in Directory.EnumerateFiles(directory, LogName + ".*"))
        {
            File.Delete(path);
        }

        foreach (var path in Directory.EnumerateDirectories(directory, "checkpoint-*"))
        {
            Directory.Delete(path, recursive: true);
        }

        File.Delete(Path.Combine(directory, EarlierVersionName));
    }
}
