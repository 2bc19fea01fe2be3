using NixFuseStore.Cache.Checkpoints;
using NixFuseStore.Cache.Keys;

namespace NixFuseStore.Cache.Log;

internal sealed partial class ChunkLog
{
    private const string LogName = "log";
    /// <summary>The file without which there is no log.</summary>
    public const string GeometryName = "geometry";

    /// <summary>Pages of the newest part that are read at opening; the rest is read when it is asked for.</summary>
    private const int PagesToPreload = 1;

    /// <summary>Opens what lies in the directory.</summary>
    /// <returns>The log; null when the directory holds none.</returns>
    /// <exception cref="IOException">The disk does not give it now, which says nothing of what it holds.</exception>
    /// <exception cref="Exception">Whatever else FASTER makes of damaged files; see <see cref="IsDamage"/>.</exception>
    public static ChunkLog? Recover(ChunkCacheOptions options)
    {
        // 1. What was it made with?
        ResizedLog.Finish(options.Directory, options.FileFault);
        var geometryPath = Path.Combine(options.Directory, GeometryName);
        if (SummedFile.TryRead(geometryPath, options.FileFault) is not { } bytes)
        {
            return null;
        }

        var geometry = CacheGeometry.FromBytes(bytes);
        var log = new ChunkLog(options.Directory, geometry, geometry.MemoryBytes(options), options.FileFault)
        {
            IsOfAnotherSize = !CacheGeometry.For(options).CanUse(geometry),
        };
        try
        {
            // 2. The last published checkpoint. There is none if it never came to one: then nothing was kept.
            if (log._checkpoints.Current() is not { } token)
            {
                log.Dispose();
                return null;
            }

            log._checkpoints.DeleteAllBut(token);
            log._store.Recover(token, token, PagesToPreload);

            // FASTER does not look at read errors of its index; an index with holes would be a cache full of misses.
            ThrowIfUnread(log.TakeReadFailure());
            if (log._checkpoints.Mismatches > 0)
            {
                throw new InvalidDataException("the index is damaged");
            }

            // 3. What the log holds, and the files that it needs.
            log.Keys = KeyTable.FromBytes(SummedFile.Read(log._checkpoints.KeysPath(token)));
            log._trustedFrom = log.TailAddress;
            log._firstSegment = (int)(log.BeginAddress / geometry.SegmentBytes);
            log._device.Adopt(log._firstSegment, (int)(log.TailAddress / geometry.SegmentBytes));
            log._writer = log.NewSession();
            return log;
        }
        catch (Exception failure)
        {
            // What the disk did not give reads as zeros, at which FASTER may stumble: then it is the disk's failure, not damage.
            var unread = log.TakeReadFailure();
            log.Dispose();
            if (failure is not IOException)
            {
                ThrowIfUnread(unread);
            }

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

    private static void ThrowIfUnread(Exception? failure)
    {
        if (failure is not null)
        {
            throw new IOException(failure.Message, failure) { HResult = failure.HResult };
        }
    }

    /// <summary>Deletes whatever cache lies in the directory and starts an empty one.</summary>
    public static ChunkLog Create(ChunkCacheOptions options)
    {
        DeleteContents(options.Directory);
        return CreateIn(options, options.Directory);
    }

    /// <summary>Starts an empty one in an empty directory.</summary>
    public static ChunkLog CreateIn(ChunkCacheOptions options, string directory)
    {
        var geometry = CacheGeometry.For(options);
        var geometryPath = Path.Combine(directory, GeometryName);
        try
        {
            SummedFile.Write(geometryPath, geometry.ToBytes());
        }
        catch (IOException)
        {
            // A full disk. What was written of it would be taken for damage at the next attempt.
            File.Delete(geometryPath);
            throw;
        }

        var log = new ChunkLog(directory, geometry, geometry.MemoryBytes(options), options.FileFault);
        log._writer = log.NewSession();
        return log;
    }

    /// <summary>Deletes the files of a cache, and only those.</summary>
    public static void DeleteContents(string directory)
    {
        foreach (var name in (string[])[GeometryName, "current", "current.next"])
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
    }
}
