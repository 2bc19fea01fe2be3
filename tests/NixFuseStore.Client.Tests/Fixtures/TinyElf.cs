using System.Buffers.Binary;
using System.Text;

namespace NixFuseStore.Client.Tests.Fixtures;

/// <summary>
/// Builds an ELF file as small as it can be that names libraries: header, three program headers (code, data, dynamic; and an interpreter where asked for), then
/// at 4 KiB the strings, at 8 KiB the code, at the end the data with the dynamic section.
/// </summary>
internal static class TinyElf
{
    private const int StringsAt = 4096;
    private const int CodeAt = 8192;

    public static byte[] Make(int length, string[] needed, string runPath, string? interpreter = null)
    {
        var file = new byte[length];
        new Random(length).NextBytes(file.AsSpan(CodeAt));
        var strings = new MemoryStream();
        strings.WriteByte(0);
        var offsets = needed.Append(runPath).Append(interpreter ?? "").Select(Add).ToArray();
        strings.ToArray().CopyTo(file, StringsAt);
        var dynamicAt = length - 4096;

        "\u007fELF"u8.CopyTo(file);
        file[4] = 2;
        file[5] = 1;
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(32), 64);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(54), 56);
        var headers = 0;
        Header(1, 4, 0, 0, CodeAt);
        Header(1, 5, CodeAt, CodeAt, dynamicAt - CodeAt);
        Header(1, 6, dynamicAt, dynamicAt + 0x100000, 4096);
        Header(2, 6, dynamicAt, dynamicAt + 0x100000, 1024);
        if (interpreter is not null)
        {
            Header(3, 4, StringsAt + offsets[^1], 0, interpreter.Length + 1);
        }

        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(56), (ushort)headers);
        var tags = dynamicAt;
        for (var i = 0; i < needed.Length; i++)
        {
            Tag(1, offsets[i]);
        }

        Tag(29, offsets[needed.Length]);
        Tag(5, StringsAt);
        Tag(10, strings.Length);
        Tag(0, 0);
        return file;

        long Add(string text)
        {
            var at = strings.Length;
            strings.Write(Encoding.ASCII.GetBytes(text));
            strings.WriteByte(0);
            return at;
        }

        void Header(uint type, uint flags, long offset, long address, long size)
        {
            var header = file.AsSpan(64 + (headers++ * 56));
            BinaryPrimitives.WriteUInt32LittleEndian(header, type);
            BinaryPrimitives.WriteUInt32LittleEndian(header[4..], flags);
            BinaryPrimitives.WriteInt64LittleEndian(header[8..], offset);
            BinaryPrimitives.WriteInt64LittleEndian(header[16..], address);
            BinaryPrimitives.WriteInt64LittleEndian(header[32..], size);
        }

        void Tag(long tag, long value)
        {
            BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(tags), tag);
            BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(tags + 8), value);
            tags += 16;
        }
    }
}
