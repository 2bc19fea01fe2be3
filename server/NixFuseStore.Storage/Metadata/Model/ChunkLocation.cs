using System.IO.Hashing;

namespace NixFuseStore.Storage.Metadata;

/// <summary>Where a chunk's stored bytes lie.</summary>
/// <param name="Pack">The pack.</param>
/// <param name="Offset">From the beginning of the pack, in bytes.</param>
/// <param name="StoredLength">Bytes in the pack.</param>
/// <param name="PlainLength">Bytes once decoded.</param>
/// <param name="Encoding">How to decode them.</param>
/// <param name="Sum">What the stored bytes add up to.</param>
public readonly record struct ChunkLocation(
    PackId Pack, int Offset, int StoredLength, int PlainLength, ChunkEncoding Encoding, StoredSum Sum = default)
{
    /// <summary>Whether these are the bytes that were stored, as far as the sum is known. Where it is not, false.</summary>
    public bool IsHeldBy(ReadOnlySpan<byte> stored) => Sum.IsKnown && stored.Length == StoredLength && StoredSum.Of(stored) == Sum;
}

/// <summary>
/// XXH3 (64 bits) over a chunk's stored bytes, computed when they arrived and had been compared with the chunk's id. It finds damage at
/// the speed of memory; against forgery the id stands.
/// </summary>
/// <param name="Value">The sum; 0 where it is not known, as for chunks of packs of version 1.</param>
public readonly record struct StoredSum(ulong Value)
{
    /// <summary>Whether there is one.</summary>
    public bool IsKnown => Value != 0;

    /// <summary>The sum of these bytes, which is never 0.</summary>
    public static StoredSum Of(ReadOnlySpan<byte> stored)
    {
        ulong value = XxHash3.HashToUInt64(stored);
        return new StoredSum(value == 0 ? 1 : value);
    }
}
