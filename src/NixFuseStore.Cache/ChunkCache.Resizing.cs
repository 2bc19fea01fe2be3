using NixFuseStore.Cache.Log;

namespace NixFuseStore.Cache;

public sealed partial class ChunkCache
{
    /// <summary>With less room than this nothing is copied: the cache starts empty.</summary>
    private const long KeptBytesMin = 1 << 20;

    /// <summary>
    /// Makes the log anew with what suits another size limit, and copies the newest part of the old one, up to half of the limit: for a moment
    /// both are there, and the limit holds for both together. Nothing can be read from the cache meanwhile.
    /// </summary>
    /// <param name="old">The recovered log; disposed of here.</param>
    /// <returns>The log that takes its place; null where there is no room to keep anything.</returns>
    /// <exception cref="IOException">The disk failed. What the old one still holds stays, and is tried again.</exception>
    private ChunkLog? Resize(ChunkLog old)
    {
        try
        {
            // 1. How much can be kept, and away with the rest of the old one.
            var (free, reserve) = FreeBytes();
            var kept = Math.Min(_options.SizeBytesMax / 2, (free + old.SizeBytes - reserve) / 2);
            if (kept < KeptBytesMin)
            {
                _options.Notice?.Invoke($"cache {_options.Directory} was made for another size, and its file system has no room to copy it; it starts empty");
                return null;
            }

            _options.Notice?.Invoke($"cache {_options.Directory} was made for another size; the newest {Math.Min(kept, old.SizeBytes) >> 20} MiB are kept");
            if (!old.GiveUpAllBut(kept))
            {
                throw old.Writes.Failure ?? new IOException("a checkpoint failed");
            }

            // 2. The new one, whole and on the disk.
            using (var next = ChunkLog.CreateIn(_options, ResizedLog.Prepare(_options.Directory)))
            {
                old.CopyNewestTo(next, kept, ThrowIfStopping);
                if (!next.Checkpoint())
                {
                    throw next.Writes.Failure ?? new IOException("a checkpoint failed");
                }
            }

            ResizedLog.Commit(_options.Directory);
        }
        finally
        {
            old.Dispose();
        }

        // 3. In place of the old one.
        return ChunkLog.Recover(_options);
    }

    private void ThrowIfStopping()
    {
        if (Volatile.Read(ref _stopping))
        {
            throw new IOException("closed while it was made anew for another size");
        }
    }
}
