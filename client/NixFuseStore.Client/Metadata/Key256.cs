using System.Runtime.InteropServices;

namespace NixFuseStore.Client.Metadata;

/// <summary>32 bytes as a dictionary key: a digest, or the 32 characters of a store path's hash part.</summary>
internal readonly record struct Key256(ulong A, ulong B, ulong C, ulong D)
{
    public const int Size = 32;

    /// <summary>The first 32 bytes, which must be there.</summary>
    public static Key256 Read(ReadOnlySpan<byte> bytes) => MemoryMarshal.Read<Key256>(bytes[..Size]);

    /// <summary>The hash part at the start of a base name.</summary>
    public static Key256 OfHashPart(ReadOnlySpan<char> baseName)
    {
        Span<byte> bytes = stackalloc byte[Size];
        for (var i = 0; i < Size; i++)
        {
            bytes[i] = (byte)baseName[i];
        }

        return Read(bytes);
    }

    public void CopyTo(Span<byte> destination) => MemoryMarshal.Write(destination, in this);

    /// <summary>Characters of hash parts hold five bits a byte, so all words are mixed.</summary>
    public override int GetHashCode()
    {
        var mixed = (A * 0x9E3779B97F4A7C15UL) ^ (B * 0xC2B2AE3D27D4EB4FUL) ^ (C * 0x165667B19E3779F9UL) ^ D;
        return (int)(mixed >> 29) ^ (int)mixed;
    }
}
