using NixFuseStore.Cache.Checkpoints;
using NixFuseStore.Cache.Keys;

namespace NixFuseStore.Cache.Log;

internal sealed partial class ChunkLog
{
    private const string LogName = "log";
    private const string GeometryName = "geometry";

    /// <summary>Pages of the newest part that are read at opening; the rest is read when it is asked for.</summary>
    private const int PagesToPreload = 1;

    /// <summary>Opens what lies in the directory.</summary>
    /// <returns>The log; null when the directory holds none.</returns>
    /// <exception cref="Exception">
    /// Whatever FASTER or the file system make of damaged files; the caller starts empty (<see cref="Create"/>).
    /// </exception>
    public static ChunkLog? Recover(ChunkCacheOptions options)
    {
        // 1. What was it made with, and does that still serve?
        var geometryPath = Path.Combine(options.Directory, GeometryName);
        if (!File.Exists(geometryPath))
        {
            return null;
        }

        var geometry = CacheGeometry.FromBytes(SummedFile.Read(geometryPath));
        var wanted = CacheGeometry.For(options);
        if (!wanted.CanUse(geometry))
        {
            throw new InvalidDataException("the cache was made for another size");
        }

        var log = new ChunkLog(options.Directory, geometry, geometry.MemoryBytes(options));
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
        catch
        {
            log.Dispose();
            throw;
        }
    }

    /// <summary>Deletes whatever cache lies in the directory and starts an empty one.</summary>
    public static ChunkLog Create(ChunkCacheOptions options)
    {
        DeleteContents(options.Directory);
        var geometry = CacheGeometry.For(options);
        var geometryPath = Path.Combine(options.Directory, GeometryName);
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

        var log = new ChunkLog(options.Directory, geometry, geometry.MemoryBytes(options));
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
