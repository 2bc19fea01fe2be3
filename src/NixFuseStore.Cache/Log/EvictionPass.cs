using FASTER.core;
using NixFuseStore.Cache.Keys;

namespace NixFuseStore.Cache.Log;

/// <summary>
/// Decides, record by record, what of a segment lives on: second chance for what was used since it was last asked here. What is not
/// kept leaves the key table at once.
/// </summary>
internal sealed class EvictionPass(KeyTable keys, long keepBytesMax) : ICompactionFunctions<ChunkKey, SpanByte>
{
    /// <summary>Bytes that live on.</summary>
    public long KeptBytes { get; private set; }

    /// <summary>Chunks let go.</summary>
    public long Evicted { get; private set; }

    public bool IsDeleted(ref ChunkKey key, ref SpanByte value)
    {
        var fingerprint = KeyTable.Fingerprint(key.FirstBytes);
        if (!keys.Contains(fingerprint))
        {
            return true;
        }

        if (keys.TakeUsed(fingerprint) && KeptBytes + value.Length + ChunkLog.RecordOverhead <= keepBytesMax)
        {
            KeptBytes += value.Length + ChunkLog.RecordOverhead;
            return false;
        }

        keys.Remove(fingerprint);
        Evicted++;
        return true;
    }
}
