using System.Buffers;

namespace NixFuseStore.Daemon.Wire;

/// <summary>Data in frames: a length and so many bytes, again and again, until a length of 0. Frames mean nothing else.</summary>
internal sealed class FramedData(WireReader connection) : IByteSource, IRequestData
{
    private const int SkipBytes = 64 * 1024;

    private ulong _remaining;
    private bool _ended;

    /// <inheritdoc/>
    public async ValueTask<int> ReadAsync(Memory<byte> destination)
    {
        if (_remaining == 0 && !_ended)
        {
            _remaining = await connection.ReadNumberAsync();
            _ended = _remaining == 0;
        }

        if (_ended)
        {
            return 0;
        }

        int read = await connection.ReadRawAsync(destination[..(int)Math.Min((ulong)destination.Length, _remaining)]);
        _remaining -= (ulong)read;
        return read > 0 ? read : throw new ConnectionEndedException("the client ended the connection within framed data");
    }

    /// <inheritdoc/>
    public async ValueTask<bool> SkipAsync()
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(SkipBytes);
        try
        {
            while (await ReadAsync(buffer) > 0)
            {
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return true;
    }
}
