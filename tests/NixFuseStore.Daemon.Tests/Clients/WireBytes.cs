using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Tests.Clients;

/// <summary>Builds what a client sends, from the protocol's description alone.</summary>
internal sealed class WireBytes
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    internal byte[] ToArray() => _bytes.WrittenSpan.ToArray();

    internal WireBytes Number(ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return Raw(bytes);
    }

    internal WireBytes Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    internal WireBytes Text(string text) => Bytes(Encoding.UTF8.GetBytes(text));

    internal WireBytes Bytes(ReadOnlySpan<byte> bytes)
    {
        Number((ulong)bytes.Length).Raw(bytes);
        return Raw(new byte[-bytes.Length & 7]);
    }

    internal WireBytes Texts(params string[] texts)
    {
        Number((ulong)texts.Length);
        return texts.Aggregate(this, (bytes, text) => bytes.Text(text));
    }

    internal WireBytes Path(StorePath path) => Text(StoreDirectory.Default.Print(path));

    internal WireBytes Frame(ReadOnlySpan<byte> bytes) => bytes.IsEmpty ? this : Number((ulong)bytes.Length).Raw(bytes);

    internal WireBytes Framed(ReadOnlySpan<byte> bytes, int frameBytes = int.MaxValue)
    {
        while (!bytes.IsEmpty)
        {
            int length = Math.Min(bytes.Length, frameBytes);
            Frame(bytes[..length]);
            bytes = bytes[length..];
        }

        return Number(0);
    }

    internal WireBytes Info(PathInfo info)
    {
        Path(info.Path).Text(info.Deriver is { } deriver ? StoreDirectory.Default.Print(deriver) : "").Text(info.NarHash.ToHex());
        Texts([.. info.References.Select(StoreDirectory.Default.Print)]);
        Number((ulong)info.RegistrationTime).Number(info.NarSize).Number(info.Ultimate ? 1UL : 0);
        return Texts([.. info.Signatures.Select(signature => signature.ToString())]).Text(info.ContentAddress?.ToString() ?? "");
    }
}
