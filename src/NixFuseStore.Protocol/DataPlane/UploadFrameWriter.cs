using System.Buffers;

namespace NixFuseStore.Protocol.DataPlane;

/// <summary>Writes chunks into an upload, gathering small ones. Used by one task at a time.</summary>
public sealed class UploadFrameWriter
{
    /// <summary>Small chunks gather to writes of about this size.</summary>
    private const int BufferBytes = 128 << 10;

    private readonly Stream _stream;
    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
    private int _length;

    internal UploadFrameWriter(Stream stream) => _stream = stream;

    /// <summary>Writes one chunk; its memory is free again once the task has ended.</summary>
    /// <param name="id">The SHA-256 of the plain bytes.</param>
    /// <param name="encoding">How <paramref name="stored"/> holds them.</param>
    /// <param name="plainLength">How many plain bytes there are.</param>
    /// <param name="stored">The bytes to send; where compressed, not longer than the plain ones.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> id, ChunkEncoding encoding, int plainLength, ReadOnlyMemory<byte> stored, CancellationToken cancellation)
    {
        if (_length + UploadFrameHeader.Size > _buffer.Length)
        {
            await FlushAsync(cancellation).ConfigureAwait(false);
        }

        new UploadFrameHeader(encoding, (uint)plainLength, (uint)stored.Length).Write(id.Span, _buffer.AsSpan(_length));
        _length += UploadFrameHeader.Size;
        if (_length + stored.Length <= _buffer.Length)
        {
            stored.CopyTo(_buffer.AsMemory(_length));
            _length += stored.Length;
            return;
        }

        await FlushAsync(cancellation).ConfigureAwait(false);
        await _stream.WriteAsync(stored, cancellation).ConfigureAwait(false);
    }

    internal async ValueTask FlushAsync(CancellationToken cancellation)
    {
        if (_length > 0)
        {
            await _stream.WriteAsync(_buffer.AsMemory(0, _length), cancellation).ConfigureAwait(false);
            _length = 0;
        }
    }

    internal void Return() => ArrayPool<byte>.Shared.Return(_buffer);
}
