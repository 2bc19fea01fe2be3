using System.Buffers.Binary;
using System.Text;

namespace NixFuseStore.Client.Prefetch.Programs;

/// <summary>The dynamic section of an ELF file: which libraries it needs, where they are looked for, and where the loader's tables lie.</summary>
internal sealed class ElfDynamic
{
    /// <summary>A larger dynamic section is not looked at.</summary>
    public const int BytesMax = 64 << 10;

    /// <summary>A larger table of strings is not looked at.</summary>
    public const int StringsBytesMax = 16 << 20;

    private const int NeededMax = 1024;
    private const int TextBytesMax = 64 << 10;

    // Tags of elf(5); the values of a table's address, and of its size where it has one.
    private const long Needed = 1;
    private const long Strings = 5;
    private const long StringsSize = 10;
    private const long RPath = 15;
    private const long RunPath = 29;
    private static readonly (long Address, long Size)[] Tables =
    [
        (Strings, StringsSize),
        (7, 8), // DT_RELA
        (23, 2), // DT_JMPREL
        (6, 0), // DT_SYMTAB
        (4, 0), // DT_HASH
        (0x6ffffef5, 0), // DT_GNU_HASH
        (0x6ffffff0, 0), // DT_VERSYM
        (0x6ffffffe, 0), // DT_VERNEED
        (36, 35), // DT_RELR
    ];

    private readonly ElfHead _head;
    private readonly Dictionary<long, long> _values = [];
    private readonly List<long> _needed = [];

    /// <summary>Reads the section's bytes.</summary>
    public ElfDynamic(ElfHead head, ReadOnlySpan<byte> section)
    {
        _head = head;
        for (; section.Length >= 16; section = section[16..])
        {
            var tag = BinaryPrimitives.ReadInt64LittleEndian(section);
            var value = BinaryPrimitives.ReadInt64LittleEndian(section[8..]);
            if (tag == 0)
            {
                break;
            }

            if (tag == Needed && _needed.Count < NeededMax)
            {
                _needed.Add(value);
            }
            else
            {
                _values.TryAdd(tag, value);
            }
        }
    }

    /// <summary>The table of strings; empty where there is none that can be read.</summary>
    public FileRange StringTable => Table(Strings, StringsSize) is { Length: > 0 and <= StringsBytesMax } table ? table : default;

    /// <summary>The tables that the loader walks: symbols, strings, hashes, versions, relocations. Those without a known size end where the next begins.</summary>
    public List<FileRange> LoaderTables(long unsizedBytesMax)
    {
        var tables = new List<FileRange>();
        foreach (var (address, size) in Tables)
        {
            if (Table(address, size) is { Offset: > 0 } table)
            {
                tables.Add(table);
            }
        }

        tables.Sort(static (a, b) => a.Offset.CompareTo(b.Offset));
        for (var i = 0; i < tables.Count; i++)
        {
            if (tables[i].Length == 0)
            {
                var next = i + 1 < tables.Count ? tables[i + 1].Offset : tables[i].Offset + 4096;
                tables[i] = tables[i] with { Length = Math.Min(next - tables[i].Offset, unsizedBytesMax) };
            }
        }

        return tables;
    }

    /// <summary>The names of the libraries that it needs, in order.</summary>
    public List<string> NeededNames(ReadOnlySpan<byte> strings)
    {
        var names = new List<string>(_needed.Count);
        foreach (var offset in _needed)
        {
            if (Text(strings, offset) is { Length: > 0 } name)
            {
                names.Add(name);
            }
        }

        return names;
    }

    /// <summary>The directories in which they are looked for, in order.</summary>
    public string[] SearchPath(ReadOnlySpan<byte> strings) =>
        _values.TryGetValue(RunPath, out var offset) || _values.TryGetValue(RPath, out offset)
            ? Text(strings, offset)?.Split(':', StringSplitOptions.RemoveEmptyEntries) ?? []
            : [];

    private FileRange Table(long addressTag, long sizeTag)
    {
        if (!_values.TryGetValue(addressTag, out var address) || _head.OffsetOf(address) is var offset && offset < 0)
        {
            return default;
        }

        var size = sizeTag == 0 ? 0 : _values.GetValueOrDefault(sizeTag);
        return size >= 0 && size <= _head.FileLength - offset ? new FileRange(offset, size) : default;
    }

    private static string? Text(ReadOnlySpan<byte> strings, long offset)
    {
        if (offset < 0 || offset >= strings.Length)
        {
            return null;
        }

        var text = strings[(int)offset..];
        var end = text[..Math.Min(text.Length, TextBytesMax)].IndexOf((byte)0);
        return end < 0 ? null : Encoding.UTF8.GetString(text[..end]);
    }
}
