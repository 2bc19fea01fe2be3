using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace NixFuseStore.Nix.Tests.Archives;

/// <summary>Puts NARs together string by string, also such as no writer would write.</summary>
internal sealed class NarTokens
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    internal byte[] ToArray() => _bytes.WrittenSpan.ToArray();

    internal NarTokens Strings(params string[] texts)
    {
        foreach (string text in texts)
        {
            String(Encoding.Latin1.GetBytes(text));
        }

        return this;
    }

    internal NarTokens String(byte[] text) => Number((ulong)text.Length).Raw(text).Raw(new byte[-text.Length & 7]);

    internal NarTokens Number(ulong number)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, number);
        _bytes.Write(bytes);
        return this;
    }

    internal NarTokens Raw(params byte[] bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    internal NarTokens Head() => Strings("nix-archive-1");

    internal NarTokens DirectoryHead() => Head().Strings("(", "type", "directory");

    internal NarTokens Entry(string name) =>
        Strings("entry", "(", "name", name, "node", "(", "type", "regular", "contents", "x", ")", ")");

    internal NarTokens End() => Strings(")");
}
