using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace NixFuseStore.Daemon.Wire;

/// <summary>
/// Reads the protocol's values: numbers of 8 bytes, and strings with their length in front and zeros up to the next multiple of 8.
/// A value that lies in the buffer is read without waiting, which is the rule; claimed lengths allocate nothing.
/// </summary>
/// <param name="source">Where bytes come from.</param>
/// <param name="bufferBytes">Bytes of the buffer, at least 16.</param>
/// <param name="what">
/// What the source is in messages to the client, such as "the framed data"; null for the connection itself, whose end is not told.
/// </param>
internal sealed partial class WireReader(IByteSource source, int bufferBytes, string? what = null) : IDisposable
{
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(bufferBytes);
    private int _start;
    private int _end;
    private long _budget = WireLimits.RequestBytesMax;

    private int Buffered => _end - _start;

    /// <summary>Allows another request's worth of strings.</summary>
    internal void BeginRequest() => _budget = WireLimits.RequestBytesMax;

    /// <summary>Whether there is another byte.</summary>
    internal async ValueTask<bool> HasMoreAsync() => Buffered > 0 || await FillAsync() > 0;

    /// <summary>Reads a number.</summary>
    internal ValueTask<ulong> ReadNumberAsync() => Buffered >= 8 ? new(TakeNumber()) : ReadNumberSlowlyAsync();

    /// <summary>Reads a number that stock readers keep in 64 bits with a sign.</summary>
    internal async ValueTask<long> ReadTimeAsync()
    {
        ulong value = await ReadNumberAsync();
        return value <= long.MaxValue ? (long)value : throw new WireException($"the time {value} is out of range");
    }

    /// <summary>Reads a truth value; any number but 0 is true.</summary>
    internal async ValueTask<bool> ReadBoolAsync() => await ReadNumberAsync() != 0;

    /// <summary>Reads how many elements follow.</summary>
    internal async ValueTask<int> ReadCountAsync()
    {
        ulong count = await ReadNumberAsync();
        return count <= WireLimits.ListCountMax
            ? (int)count
            : throw new WireException($"a list of {count} elements is too long (at most {WireLimits.ListCountMax})");
    }

    /// <summary>Reads a string as bytes, which are valid until the next call.</summary>
    internal ValueTask<ReadOnlyMemory<byte>> ReadBytesAsync(int bytesMax)
    {
        if (Buffered >= 8)
        {
            ulong length = PeekNumber();
            if (length <= (ulong)bytesMax && PaddedLength((int)length) <= Buffered - 8)
            {
                _start += 8;
                return new(TakeString((int)length));
            }
        }

        return ReadBytesSlowlyAsync(bytesMax);
    }

    /// <summary>Reads a string. Bytes that are no UTF-8 become replacement characters.</summary>
    internal ValueTask<string> ReadTextAsync(int bytesMax = WireLimits.TextBytesMax)
    {
        var bytes = ReadBytesAsync(bytesMax);
        return bytes.IsCompletedSuccessfully ? new(Encoding.UTF8.GetString(bytes.Result.Span)) : AwaitTextAsync(bytes);
    }

    /// <summary>Reads strings.</summary>
    internal async ValueTask<List<string>> ReadTextsAsync(int bytesMax = WireLimits.TextBytesMax)
    {
        int count = await ReadCountAsync();
        var texts = new List<string>();
        for (int i = 0; i < count; i++)
        {
            texts.Add(await ReadTextAsync(bytesMax));
        }

        return texts;
    }

    /// <summary>The next bytes without taking them, as many as there are; none at the end. Valid until the next call.</summary>
    internal async ValueTask<ReadOnlyMemory<byte>> PeekAsync()
    {
        if (Buffered == 0)
        {
            await FillAsync();
        }

        return _buffer.AsMemory(_start, Buffered);
    }

    /// <summary>Takes bytes that <see cref="PeekAsync"/> showed.</summary>
    internal void Advance(int bytes) => _start += bytes;

    /// <summary>Takes bytes as they are, as many as there are; 0 at the end.</summary>
    internal ValueTask<int> ReadRawAsync(Memory<byte> destination)
    {
        if (Buffered == 0)
        {
            return source.ReadAsync(destination);
        }

        int length = Math.Min(Buffered, destination.Length);
        _buffer.AsMemory(_start, length).CopyTo(destination);
        _start += length;
        return new(length);
    }

    /// <summary>Takes another buffer, before much comes or after it has; one that is too small for what is buffered is not taken.</summary>
    internal void Resize(int bytes)
    {
        if (bytes < Buffered || bytes == _buffer.Length)
        {
            return;
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent(bytes);
        _buffer.AsSpan(_start, Buffered).CopyTo(buffer);
        ArrayPool<byte>.Shared.Return(_buffer);
        (_buffer, _start, _end) = (buffer, 0, Buffered);
    }

    /// <summary>Gives the buffer back.</summary>
    public void Dispose()
    {
        if (_buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = [];
            _start = _end = 0;
        }
    }

    private static int PaddedLength(int length) => (length + 7) & ~7;

    private ulong PeekNumber() => BinaryPrimitives.ReadUInt64LittleEndian(_buffer.AsSpan(_start));

    private ulong TakeNumber()
    {
        ulong value = PeekNumber();
        _start += 8;
        return value;
    }

    private async ValueTask<ulong> ReadNumberSlowlyAsync()
    {
        await BufferAsync(8);
        return TakeNumber();
    }

    private async ValueTask<ReadOnlyMemory<byte>> ReadBytesSlowlyAsync(int bytesMax)
    {
        ulong length = await ReadNumberAsync();
        if (length > (ulong)bytesMax)
        {
            throw new WireException($"a string of {length} bytes is too long (at most {bytesMax} may stand there)");
        }

        int padded = PaddedLength((int)length);
        if (padded > _buffer.Length)
        {
            return await AssembleAsync((int)length, padded);
        }

        await BufferAsync(padded);
        return TakeString((int)length);
    }

    private static async ValueTask<string> AwaitTextAsync(ValueTask<ReadOnlyMemory<byte>> bytes) =>
        Encoding.UTF8.GetString((await bytes).Span);

    // For strings longer than the buffer. Room doubles as bytes come, so that a claimed length alone costs nothing.
    private async ValueTask<ReadOnlyMemory<byte>> AssembleAsync(int length, int padded)
    {
        Charge(length);
        byte[] bytes = new byte[_buffer.Length];
        int filled = 0;
        while (filled < padded)
        {
            if (filled == bytes.Length)
            {
                Array.Resize(ref bytes, (int)Math.Min(padded, (long)bytes.Length * 2));
            }

            int read = await ReadRawAsync(bytes.AsMemory(filled, Math.Min(padded, bytes.Length) - filled));
            filled += read > 0 ? read : throw EndedEarly();
        }

        RequireZeros(bytes.AsSpan(length, padded - length));
        return bytes.AsMemory(0, length);
    }

    private ReadOnlyMemory<byte> TakeString(int length)
    {
        Charge(length);
        int padded = PaddedLength(length);
        RequireZeros(_buffer.AsSpan(_start + length, padded - length));
        var bytes = _buffer.AsMemory(_start, length);
        _start += padded;
        return bytes;
    }

    private void Charge(int length)
    {
        _budget -= length + WireLimits.StringOverheadBytes;
        if (_budget < 0)
        {
            throw new WireException($"the request is too long (at most {WireLimits.RequestBytesMax} bytes of strings)");
        }
    }

    private static void RequireZeros(ReadOnlySpan<byte> padding)
    {
        if (padding.ContainsAnyExcept((byte)0))
        {
            throw new WireException("the padding of a string is not zero");
        }
    }

    private async ValueTask BufferAsync(int bytes)
    {
        while (Buffered < bytes)
        {
            if (await FillAsync() == 0)
            {
                throw EndedEarly();
            }
        }
    }

    private async ValueTask<int> FillAsync()
    {
        // What is left is a part of one value at most: moving it costs less than wrapping round.
        if (_start > 0)
        {
            _buffer.AsSpan(_start, Buffered).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        int read = await source.ReadAsync(_buffer.AsMemory(_end));
        _end += read;
        return read;
    }

    private Exception EndedEarly() => what is null
        ? new ConnectionEndedException("the client ended the connection within a request")
        : new WireException($"{what} ended too early");
}
