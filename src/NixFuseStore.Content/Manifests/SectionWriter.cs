using System.Buffers;

namespace NixFuseStore.Content;

/// <summary>Writes the parts of a section front to back.</summary>
internal sealed class SectionWriter(int capacity)
{
    private readonly ArrayBufferWriter<byte> _bytes = new(capacity);

    public int Length => _bytes.WrittenCount;

    /// <summary>Everything written; valid until more is.</summary>
    public ReadOnlySpan<byte> Written => _bytes.WrittenSpan;

    public void WriteByte(byte value)
    {
        _bytes.GetSpan(1)[0] = value;
        _bytes.Advance(1);
    }

    /// <summary>Writes a little-endian base-128 number in its shortest form.</summary>
    public void WriteVarint(ulong value)
    {
        var span = _bytes.GetSpan(10);
        var length = 0;
        for (; value >= 0x80; value >>= 7)
        {
            span[length++] = (byte)(value | 0x80);
        }

        span[length++] = (byte)value;
        _bytes.Advance(length);
    }

    public void WriteBytes(ReadOnlySpan<byte> bytes) => _bytes.Write(bytes);

    public byte[] ToArray() => _bytes.WrittenSpan.ToArray();
}
