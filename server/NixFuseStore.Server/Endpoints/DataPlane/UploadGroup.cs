using System.Buffers;
using NixFuseStore.Content;
using NixFuseStore.Protocol.DataPlane;
using NixFuseStore.Storage.Packs;

namespace NixFuseStore.Server.Endpoints.DataPlane;

/// <summary>Chunks on their way into a pack, with the rented memory that they lie in until disposal.</summary>
internal sealed class UploadGroup(int bytesMax) : IDisposable
{
    private readonly List<ChunkUpload> _chunks = [];
    private readonly List<byte[]> _buffers = [];
    private int _bytes;

    public IReadOnlyList<ChunkUpload> Chunks => _chunks;

    public bool IsFull => _bytes >= bytesMax;

    /// <summary>Copies a chunk into the group.</summary>
    /// <returns>The copy.</returns>
    public ReadOnlySpan<byte> Add(in ChunkId id, in UploadFrameHeader header, in ReadOnlySequence<byte> payload)
    {
        var length = (int)header.StoredLength;
        var buffer = ArrayPool<byte>.Shared.Rent(length);
        payload.CopyTo(buffer);
        _buffers.Add(buffer);
        _bytes += length + UploadFrameHeader.Size;
        _chunks.Add(new ChunkUpload(id, (Storage.Metadata.ChunkEncoding)header.Encoding, (int)header.PlainLength, buffer.AsMemory(0, length)));
        return buffer.AsSpan(0, length);
    }

    public void Dispose()
    {
        foreach (var buffer in _buffers)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        _buffers.Clear();
        _chunks.Clear();
    }
}
