using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.BinaryCache;

/// <summary>A part of a compressed NAR: bytes that were compressed for it, or bytes that lie in a pack just so.</summary>
/// <param name="Literal">The bytes; empty where they lie in a pack.</param>
/// <param name="Pack">The pack.</param>
/// <param name="Offset">Where in the pack.</param>
/// <param name="PackLength">Bytes in the pack; 0 for literal ones.</param>
internal readonly record struct ZstdSegment(ReadOnlyMemory<byte> Literal, PackId Pack, int Offset, int PackLength)
{
    public int Length => Literal.Length + PackLength;

    public static ZstdSegment Of(ReadOnlyMemory<byte> literal) => new(literal, default, 0, 0);
}
