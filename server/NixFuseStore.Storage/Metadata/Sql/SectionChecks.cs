using System.IO.Hashing;
using BitFaster.Caching.Lru;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>
/// Compares manifest sections with their digests before they leave the database. Those that were found whole are remembered by a sum of
/// their stored bytes, so that the next time costs next to nothing. Calls may overlap.
/// </summary>
internal sealed class SectionChecks
{
    /// <summary>Beyond that, those longest unused are forgotten: nothing is lost but time. Some 200 bytes each.</summary>
    private const int EntriesMax = 100_000;

    /// <summary>No section has more plain bytes; a damaged length must not become an allocation.</summary>
    private const int PlainBytesMax = 1 << 30;

    private readonly FastConcurrentLru<SectionDigest, ulong> _whole = new(EntriesMax);

    public bool IsWhole(StoredSection section)
    {
        ulong sum = XxHash3.HashToUInt64(section.Zstd.Span);
        if (_whole.TryGet(section.Digest, out ulong known) && known == sum)
        {
            return true;
        }

        if (TryDecode(section) is null)
        {
            return false;
        }

        _whole.AddOrUpdate(section.Digest, sum);
        return true;
    }

    /// <summary>The plain bytes, or null where they are not those that the digest names.</summary>
    public static byte[]? TryDecode(StoredSection section)
    {
        if (section.PlainLength is < 0 or > PlainBytesMax)
        {
            return null;
        }

        byte[] plain = GC.AllocateUninitializedArray<byte>(section.PlainLength);
        return Zstd.TryDecompress(section.Zstd.Span, plain, out int written) && written == plain.Length
            && SectionDigest.Compute(plain) == section.Digest
            ? plain
            : null;
    }
}
