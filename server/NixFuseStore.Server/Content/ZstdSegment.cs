namespace NixFuseStore.Server.Content;

/// <summary>A part of a compressed NAR: bytes that were compressed for it, or chunks that lie side by side in a pack just so.</summary>
/// <param name="Literal">The bytes; empty where they lie in a pack.</param>
/// <param name="First">Ordinal of the first chunk.</param>
/// <param name="Count">Chunks; 0 for literal bytes.</param>
/// <param name="PackLength">Bytes in the pack; 0 for literal ones.</param>
internal readonly record struct ZstdSegment(ReadOnlyMemory<byte> Literal, int First, int Count, int PackLength)
{
    public int Length => Literal.Length + PackLength;

    public static ZstdSegment Of(ReadOnlyMemory<byte> literal) => new(literal, 0, 0, 0);
}
