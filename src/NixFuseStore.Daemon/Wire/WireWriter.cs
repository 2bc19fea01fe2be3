using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace NixFuseStore.Daemon.Wire;

/// <summary>Collects the protocol's values and sends them together. What is long is sent in parts, so that memory stays bounded.</summary>
internal sealed partial class WireWriter(IByteSink sink) : IDisposable
{
    // Most replies have fewer bytes; idle connections hold this much.
    private const int BufferBytes = 4 * 1024;

    // From here on what is written is sent before more is added.
    private const int FlushBytes = 64 * 1024;

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
    private int _length;

    /// <summary>Writes a number.</summary>
    internal void Number(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Extend(8), value);

    /// <summary>Writes 1 or 0.</summary>
    internal void Bool(bool value) => Number(value ? 1UL : 0);

    /// <summary>Writes a string.</summary>
    internal void Text(ReadOnlySpan<char> text)
    {
        int length = Encoding.UTF8.GetByteCount(text);
        Encoding.UTF8.GetBytes(text, ExtendByString(length));
    }

    /// <summary>Writes a string.</summary>
    internal void Bytes(ReadOnlySpan<byte> bytes) => bytes.CopyTo(ExtendByString(bytes.Length));

    /// <summary>Writes a list of strings.</summary>
    internal void Texts(IReadOnlyCollection<string> texts)
    {
        Number((ulong)texts.Count);
        foreach (string text in texts)
        {
            Text(text);
        }
    }

    /// <summary>Sends what is there if it is much.</summary>
    internal ValueTask FlushIfLongAsync() => _length >= FlushBytes ? FlushAsync() : default;

    /// <summary>Sends what is there.</summary>
    internal async ValueTask FlushAsync()
    {
        if (_length > 0)
        {
            int length = _length;
            _length = 0;
            await sink.WriteAsync(_buffer.AsMemory(0, length));
            if (_buffer.Length > 2 * FlushBytes)
            {
                ArrayPool<byte>.Shared.Return(_buffer);
                _buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
            }
        }
    }

    /// <summary>Sends bytes as they are, behind what was written before.</summary>
    internal async ValueTask SendAsync(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length < FlushBytes)
        {
            bytes.Span.CopyTo(Extend(bytes.Length));
            await FlushIfLongAsync();
            return;
        }

        await FlushAsync();
        await sink.WriteAsync(bytes);
    }

    /// <summary>Gives the buffer back.</summary>
    public void Dispose()
    {
        if (_buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = [];
        }
    }

    private Span<byte> ExtendByString(int length)
    {
        Number((ulong)length);
        int padded = (length + 7) & ~7;
        var room = Extend(padded);
        room[length..].Clear();
        return room[..length];
    }

    private Span<byte> Extend(int bytes)
    {
        if (_buffer.Length - _length < bytes)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(_length + bytes, _buffer.Length * 2));
            _buffer.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }

        var room = _buffer.AsSpan(_length, bytes);
        _length += bytes;
        return room;
    }
}
