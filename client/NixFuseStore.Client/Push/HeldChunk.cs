using System.Buffers;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Push;

/// <summary>A copy of a chunk's plain bytes in rented memory, which its last holder returns by <see cref="Release"/>.</summary>
internal sealed class HeldChunk
{
    private byte[]? _rented;

    private HeldChunk(ChunkId id, byte[] rented, int length)
    {
        Id = id;
        _rented = rented;
        Length = length;
    }

    internal ChunkId Id { get; }

    internal int Length { get; }

    internal ReadOnlySpan<byte> Plain => _rented.AsSpan(0, Length);

    internal static HeldChunk Copy(in ChunkId id, ReadOnlySpan<byte> plain)
    {
        byte[] rented = ArrayPool<byte>.Shared.Rent(plain.Length);
        plain.CopyTo(rented);
        return new HeldChunk(id, rented, plain.Length);
    }

    internal void Release()
    {
        if (Interlocked.Exchange(ref _rented, null) is { } rented)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
