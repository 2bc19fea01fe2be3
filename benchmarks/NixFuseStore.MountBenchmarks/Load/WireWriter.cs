using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace NixFuseStore.MountBenchmarks.Load;

/// <summary>Requests of Nix's worker protocol: numbers of 8 bytes, little-endian, and strings padded to a multiple of 8.</summary>
internal sealed class WireWriter
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    public WireWriter Number(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.GetSpan(sizeof(ulong)), value);
        _bytes.Advance(sizeof(ulong));
        return this;
    }

    public WireWriter Text(string value)
    {
        var bytes = Encoding.UTF8.GetBytes(value);
        Number((ulong)bytes.Length);
        _bytes.Write(bytes);
        _bytes.Write(stackalloc byte[(8 - bytes.Length % 8) % 8]);
        return this;
    }

    public WireWriter Texts(IReadOnlyCollection<string> values)
    {
        Number((ulong)values.Count);
        foreach (var value in values)
        {
            Text(value);
        }

        return this;
    }

    /// <summary>A stream of one frame and its end.</summary>
    public WireWriter Framed(ReadOnlySpan<byte> data)
    {
        Number((ulong)data.Length);
        _bytes.Write(data);
        return Number(0);
    }

    public byte[] ToArray() => _bytes.WrittenSpan.ToArray();
}
