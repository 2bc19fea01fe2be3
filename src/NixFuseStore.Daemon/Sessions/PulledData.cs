using System.Buffers;
using NixFuseStore.Daemon.Logging;
using NixFuseStore.Daemon.Wire;

namespace NixFuseStore.Daemon.Sessions;

/// <summary>
/// Data that the server asks for piece by piece within the log channel, and the client sends as strings of at most that length;
/// an empty one is the end.
/// </summary>
internal sealed class PulledData(WireReader connection, LogChannel log) : IByteSource, IRequestData
{
    // Stock daemons ask for 32 KiB.
    private const int PieceBytesMax = 64 * 1024;

    private int _remaining;
    private int _padding;
    private bool _ended;

    /// <inheritdoc/>
    public async ValueTask<int> ReadAsync(Memory<byte> destination)
    {
        if (_remaining == 0 && !_ended)
        {
            await AskAsync();
        }

        if (_ended)
        {
            return 0;
        }

        int read = await connection.ReadRawAsync(destination[..Math.Min(destination.Length, _remaining)]);
        _remaining -= read > 0 ? read : throw EndedEarly();
        if (_remaining == 0)
        {
            await SkipPaddingAsync();
        }

        return read;
    }

    /// <inheritdoc/>
    public async ValueTask<bool> SkipAsync()
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(PieceBytesMax);
        try
        {
            while (_remaining > 0)
            {
                await ReadAsync(buffer);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return true;
    }

    private async ValueTask AskAsync()
    {
        await log.AskForDataAsync(PieceBytesMax);
        ulong length = await connection.ReadNumberAsync();
        if (length > PieceBytesMax)
        {
            throw new WireException($"the client sent {length} bytes where {PieceBytesMax} were asked for");
        }

        _remaining = (int)length;
        _padding = -_remaining & 7;
        _ended = length == 0;
    }

    private async ValueTask SkipPaddingAsync()
    {
        byte[] padding = new byte[_padding];
        for (int filled = 0; filled < padding.Length;)
        {
            int read = await connection.ReadRawAsync(padding.AsMemory(filled));
            filled += read > 0 ? read : throw EndedEarly();
        }

        if (padding.AsSpan().ContainsAnyExcept((byte)0))
        {
            throw new WireException("the padding of a string is not zero");
        }
    }

    private static ConnectionEndedException EndedEarly() => new("the client ended the connection within its data");
}
