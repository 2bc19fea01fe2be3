using System.Runtime.InteropServices;

namespace NixFuseStore.Content;

/// <summary>The 20 bytes of a packed store hash as a key.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal readonly record struct PackedStoreHash(ulong A, ulong B, uint C)
{
    public static PackedStoreHash Read(ReadOnlySpan<byte> packed) => MemoryMarshal.Read<PackedStoreHash>(packed);
}
