using System.Buffers;
using Grpc.Core;
using NixFuseStore.Protocol.Connections;

namespace NixFuseStore.Protocol.DataPlane;

/// <summary>The frames of one response, in the order asked for. Used by one task at a time; returns its buffer and its connection when disposed.</summary>
public sealed class ChunkFrameReader : IDisposable
{
    /// <summary>Takes many small frames with one read; grows for a frame that is larger.</summary>
    private const int BufferBytes = 256 << 10;

    private readonly IDisposable _response;
    private readonly Stream _body;
    private readonly TransportOptions _options;
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
    private int _start;
    private int _end;
    private bool _disposed;

    internal ChunkFrameReader(IDisposable response, Stream body, TransportOptions options)
    {
        _response = response;
        _body = body;
        _options = options;
    }

    /// <summary>The frame that <see cref="MoveNextAsync"/> came to.</summary>
    public FrameHeader Header { get; private set; }

    /// <summary>Its bytes as they travel, borrowed until the next move or disposal; empty unless the status is <see cref="FrameStatus.Ok"/>.</summary>
    public ReadOnlyMemory<byte> Payload { get; private set; }

    /// <summary>Reads on to the next frame.</summary>
    /// <returns>False behind the last.</returns>
    /// <exception cref="DataPlaneException">The connection broke, or the bytes are no frames.</exception>
    public async ValueTask<bool> MoveNextAsync(CancellationToken cancellation)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Payload = default;
        if (!await FillAsync(FrameHeader.Size, cancellation).ConfigureAwait(false))
        {
            return _start == _end ? false : throw CutOff();
        }

        if (!FrameHeader.TryRead(_buffer.AsSpan(_start, FrameHeader.Size), out var header))
        {
            throw new DataPlaneException(StatusCode.Internal, $"{_options.Address.Authority} sent bytes that are no frame");
        }

        _start += FrameHeader.Size;
        var length = (int)header.StoredLength;
        if (!await FillAsync(length, cancellation).ConfigureAwait(false))
        {
            throw CutOff();
        }

        Header = header;
        Payload = _buffer.AsMemory(_start, length);
        _start += length;
        return true;
    }

    /// <summary>Ends the response; the rest of an unfinished one is dropped with its connection.</summary>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            Payload = default;
            _body.Dispose();
            _response.Dispose();
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = [];
        }
    }

    /// <summary>Makes at least <paramref name="count"/> bytes stand at <see cref="_start"/>.</summary>
    private async ValueTask<bool> FillAsync(int count, CancellationToken cancellation)
    {
        if (_end - _start >= count)
        {
            return true;
        }

        MakeRoom(count);
        try
        {
            var wanted = count - (_end - _start);
            var got = await _body.ReadAtLeastAsync(_buffer.AsMemory(_end), wanted, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
            _end += got;
            return got >= wanted;
        }
        catch (Exception e)
        {
            throw DataPlaneClient.Translate(e, _options, cancellation);
        }
    }

    private void MakeRoom(int count)
    {
        var held = _end - _start;
        if (_start + count <= _buffer.Length && _start < _buffer.Length / 2)
        {
            return;
        }

        var target = _buffer;
        if (count > target.Length)
        {
            target = ArrayPool<byte>.Shared.Rent(count);
        }

        Buffer.BlockCopy(_buffer, _start, target, 0, held);
        if (!ReferenceEquals(target, _buffer))
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = target;
        }

        _start = 0;
        _end = held;
    }

    private DataPlaneException CutOff() => new(StatusCode.Unavailable, $"the answer of {_options.Address.Authority} is cut off");
}
