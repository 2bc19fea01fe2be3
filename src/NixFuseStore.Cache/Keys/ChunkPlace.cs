namespace NixFuseStore.Cache.Keys;

/// <summary>Where a chunk lies in the log.</summary>
/// <param name="Address">Address of its first byte, a multiple of four, below <see cref="AddressMax"/>.</param>
/// <param name="Length">Its bytes, from 1 to 1 MiB.</param>
internal readonly record struct ChunkPlace(long Address, int Length)
{
    /// <summary>Bytes that a log may take in over its whole life, evicted ones included: 64 TiB.</summary>
    public const long AddressMax = 1L << 46;

    private const int LengthBits = 20;

    /// <summary>Where the chunk ends.</summary>
    public long End => Address + Length;

    /// <summary>The place in 64 bits: a quarter of the address, then the length less one. Never 0, as no record lies at address 0.</summary>
    public ulong ToWord() => ((ulong)Address >> 2 << LengthBits) | (uint)(Length - 1);

    public static ChunkPlace FromWord(ulong word) => new((long)(word >> LengthBits << 2), (int)(word & ((1 << LengthBits) - 1)) + 1);
}

/// <summary>One chunk of a <see cref="KeyTable"/>.</summary>
/// <param name="Fingerprint">Its name there.</param>
/// <param name="IsUsed">Whether it was used since it was last asked.</param>
/// <param name="Place">Where it lies.</param>
internal readonly record struct KeyEntry(ulong Fingerprint, bool IsUsed, ChunkPlace Place);
