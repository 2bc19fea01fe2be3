using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace NixFuseStore.Content;

/// <summary>The 32 bytes of a SHA-256, held as four machine words so that comparing and hashing cost nothing.</summary>
internal readonly record struct Digest256(ulong A, ulong B, ulong C, ulong D)
{
    public const int Size = 32;

    public static Digest256 Compute(ReadOnlySpan<byte> data)
    {
        Unsafe.SkipInit(out Digest256 digest);
        SHA256.HashData(data, MemoryMarshal.AsBytes(new Span<Digest256>(ref digest)));
        return digest;
    }

    public static Digest256 Read(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes.Length, Size, nameof(bytes));
        return MemoryMarshal.Read<Digest256>(bytes);
    }

    public void CopyTo(Span<byte> destination) => MemoryMarshal.Write(destination, in this);

    public byte[] ToArray()
    {
        var bytes = new byte[Size];
        CopyTo(bytes);
        return bytes;
    }

    /// <summary>SHA-256 is uniform, so any four of its bytes are a good hash code.</summary>
    public override int GetHashCode() => (int)A;

    public override string ToString() => Convert.ToHexStringLower(MemoryMarshal.AsBytes(new ReadOnlySpan<Digest256>(in this)));

    public static bool TryParseHex(ReadOnlySpan<char> text, out Digest256 digest)
    {
        digest = default;
        Span<byte> bytes = stackalloc byte[Size];
        if (text.Length != 2 * Size || Convert.FromHexString(text, bytes, out _, out _) != System.Buffers.OperationStatus.Done)
        {
            return false;
        }

        digest = Read(bytes);
        return true;
    }

    /// <summary>Bytewise order, the order of the text form.</summary>
    public int CompareTo(Digest256 other)
    {
        var order = Order(A, other.A);
        if (order == 0)
        {
            order = Order(B, other.B);
        }

        if (order == 0)
        {
            order = Order(C, other.C);
        }

        return order != 0 ? order : Order(D, other.D);
    }

    private static int Order(ulong left, ulong right) =>
        BitConverter.IsLittleEndian
            ? BinaryPrimitives.ReverseEndianness(left).CompareTo(BinaryPrimitives.ReverseEndianness(right))
            : left.CompareTo(right);
}
