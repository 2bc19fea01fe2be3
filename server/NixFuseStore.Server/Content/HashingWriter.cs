using System.Buffers;
using System.Security.Cryptography;

namespace NixFuseStore.Server.Content;

/// <summary>Hashes what is written, and keeps nothing of it.</summary>
internal sealed class HashingWriter(IncrementalHash hash) : IBufferWriter<byte>
{
    private const int BytesMin = 64 << 10;

    private byte[] _buffer = [];

    public void Advance(int count) => hash.AppendData(_buffer, 0, count);

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (_buffer.Length < Math.Max(sizeHint, BytesMin))
        {
            _buffer = new byte[Math.Max(sizeHint, BytesMin)];
        }

        return _buffer;
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
}
