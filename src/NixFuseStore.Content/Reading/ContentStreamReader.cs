using System.Buffers;

namespace NixFuseStore.Content;

/// <summary>Reads a content stream front to back, hashes restored, a chunk at a time.</summary>
internal sealed class ContentStreamReader(ChunkList chunks, BlankList blanks, IChunkSource source, CancellationToken cancellationToken) : IDisposable
{
    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(ChunkingParameters.ChunkBytesMax);
    private int _ordinal = -1;
    private int _position;
    private int _length;

    /// <summary>The next bytes, at least one and at most <paramref name="bytesMax"/>; valid until the next call.</summary>
    public ReadOnlySpan<byte> Read(long bytesMax)
    {
        if (_position == _length)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _ordinal++;
            _position = 0;
            _length = chunks.Length(_ordinal);
            var plain = _buffer.AsSpan(0, _length);
            source.Read(chunks.Id(_ordinal), plain);
            if (!blanks.IsBlanked(chunks.Offset(_ordinal), plain))
            {
                throw new ManifestFormatException($"Chunk {_ordinal} holds something where the manifest says that a store hash was blanked.");
            }

            blanks.Patch(chunks.Offset(_ordinal), plain);
        }

        var length = (int)Math.Min(bytesMax, _length - _position);
        var bytes = _buffer.AsSpan(_position, length);
        _position += length;
        return bytes;
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);
}
