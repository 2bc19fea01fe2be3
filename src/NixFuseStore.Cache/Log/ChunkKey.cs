using System.Runtime.InteropServices;
using FASTER.core;
using NixFuseStore.Content;

namespace NixFuseStore.Cache.Log;

/// <summary>A chunk's name as the log's key: 32 bytes in line.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct ChunkKey
{
    private readonly ulong _a;
    private readonly ulong _b;
    private readonly ulong _c;
    private readonly ulong _d;

    /// <summary>The first eight bytes, which are as good as any hash of a digest.</summary>
    public ulong FirstBytes => _a;

    public static ChunkKey From(in ChunkId id)
    {
        Span<byte> bytes = stackalloc byte[ChunkId.Size];
        id.CopyTo(bytes);
        return MemoryMarshal.Read<ChunkKey>(bytes);
    }

    /// <summary>A key that equals every one with the same first bytes, for lookups alone. No digest ends in 24 zeros.</summary>
    public static ChunkKey Any(ulong firstBytes) => new(firstBytes);

    private ChunkKey(ulong firstBytes) => _a = firstBytes;

    private bool IsAny => (_b | _c | _d) == 0;

    public ChunkId ToId() => ChunkId.Read(MemoryMarshal.AsBytes(new ReadOnlySpan<ChunkKey>(in this)));

    /// <summary>Compares and hashes keys for FASTER.</summary>
    public readonly struct Comparer : IFasterEqualityComparer<ChunkKey>
    {
        public bool Equals(ref ChunkKey k1, ref ChunkKey k2) => 
            k1._a == k2._a && ((k1._b == k2._b && k1._c == k2._c && k1._d == k2._d) || k1.IsAny || k2.IsAny);

        public long GetHashCode64(ref ChunkKey k) => (long)k._a;
    }
}
