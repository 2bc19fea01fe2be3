using System.Buffers.Binary;

namespace NixFuseStore.Client.Prefetch.Programs;

/// <summary>
/// What the first bytes of a 64-bit little-endian ELF file say: its segments, its interpreter, where its dynamic section is. Only what the loader
/// of a dynamically linked program will touch matters here; anything strange is "no such file". See elf(5).
/// </summary>
internal sealed class ElfHead
{
    /// <summary>Bytes from the start of a file in which the program headers of any usual file lie.</summary>
    public const int BytesMax = 4096;

    private const int HeaderBytes = 64;
    private const int SegmentBytes = 56;
    private const int SegmentsMax = 64;
    private const uint Load = 1;
    private const uint Dynamic = 2;
    private const uint Interpreter = 3;

    private ElfHead(long fileLength) => FileLength = fileLength;

    public long FileLength { get; }

    public List<ElfSegment> Segments { get; } = [];

    /// <summary>The dynamic section; empty in a static program.</summary>
    public FileRange DynamicSection { get; private set; }

    /// <summary>The path of the interpreter (the loader) with a NUL behind it; empty in a library.</summary>
    public FileRange InterpreterPath { get; private set; }

    /// <summary>Reads a file's head; null where it is no such file, or its headers lie elsewhere.</summary>
    public static ElfHead? TryRead(ReadOnlySpan<byte> head, long fileLength)
    {
        // 64-bit, little-endian, with program headers of the usual size.
        if (head.Length < HeaderBytes || !head.StartsWith("\u007fELF"u8) || head[4] != 2 || head[5] != 1
            || BinaryPrimitives.ReadUInt16LittleEndian(head[54..]) != SegmentBytes)
        {
            return null;
        }

        var offset = BinaryPrimitives.ReadUInt64LittleEndian(head[32..]);
        var count = BinaryPrimitives.ReadUInt16LittleEndian(head[56..]);
        if (count > SegmentsMax || offset > (ulong)head.Length || (ulong)head.Length - offset < (ulong)count * SegmentBytes)
        {
            return null;
        }

        var elf = new ElfHead(fileLength);
        for (var i = 0; i < count; i++)
        {
            elf.Add(head.Slice((int)offset + (i * SegmentBytes), SegmentBytes));
        }

        return elf;
    }

    /// <summary>Where in the file an address lies; -1 where nowhere.</summary>
    public long OffsetOf(long address)
    {
        foreach (var segment in Segments)
        {
            if (address >= segment.Address && address - segment.Address < segment.Length)
            {
                return segment.Offset + (address - segment.Address);
            }
        }

        return -1;
    }

    private void Add(ReadOnlySpan<byte> header)
    {
        var type = BinaryPrimitives.ReadUInt32LittleEndian(header);
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(header[4..]);
        var offset = BinaryPrimitives.ReadInt64LittleEndian(header[8..]);
        var address = BinaryPrimitives.ReadInt64LittleEndian(header[16..]);
        var length = BinaryPrimitives.ReadInt64LittleEndian(header[32..]);
        if (offset < 0 || length <= 0 || address < 0 || offset >= FileLength || length > FileLength - offset)
        {
            return;
        }

        switch (type)
        {
            case Load:
                Segments.Add(new ElfSegment(offset, length, address, (flags & 2) != 0, (flags & 1) != 0));
                break;
            case Dynamic:
                DynamicSection = new FileRange(offset, length);
                break;
            case Interpreter:
                InterpreterPath = new FileRange(offset, length);
                break;
            default:
                break;
        }
    }
}
