namespace NixFuseStore.Client.Prefetch.Programs;

/// <summary>
/// Which parts of an ELF file the start of a program is sure to touch: headers, the loader's tables (relocating reads them wholly), the writable
/// data (relocating writes there), the head of the code (initialisers). Measured over the starts of python, node, git, gcc and ffmpeg (200 libraries), 97 %
/// of what these ranges name was read; of the rest of the files, a quarter.
/// </summary>
internal static class ProgramPlan
{
    /// <summary>Smaller files are taken whole.</summary>
    public const long WholeBytes = 256 << 10;

    /// <summary>Data behind this is not relocated in any usual file.</summary>
    private const long WritableBytesMax = 1 << 20;

    private const long CodeHeadBytes = 16 << 10;
    private const long UnsizedTableBytesMax = 256 << 10;

    /// <summary>When a page is missing, kernels read this much on each side of it.</summary>
    private const long KernelReadAround = 64 << 10;

    /// <summary>Ranges within the file, in ascending order, none overlapping another. Without the dynamic section, what is known without it.</summary>
    public static List<FileRange> Make(ElfHead head, ElfDynamic? dynamic)
    {
        if (head.FileLength <= WholeBytes)
        {
            return [new FileRange(0, head.FileLength)];
        }

        var ranges = new List<FileRange> { new(0, ElfHead.BytesMax), head.DynamicSection };
        foreach (var segment in head.Segments)
        {
            if (segment.IsWritable)
            {
                ranges.Add(new FileRange(segment.Offset, Math.Min(segment.Length, WritableBytesMax)));
            }
            else if (segment.IsExecutable)
            {
                ranges.Add(new FileRange(segment.Offset, Math.Min(segment.Length, CodeHeadBytes)));
            }
        }

        if (dynamic is not null)
        {
            ranges.AddRange(dynamic.LoaderTables(UnsizedTableBytesMax));
        }

        return Merge(ranges, head.FileLength);
    }

    private static List<FileRange> Merge(List<FileRange> ranges, long fileLength)
    {
        ranges.Sort(static (a, b) => a.Offset.CompareTo(b.Offset));
        var merged = new List<FileRange>();
        foreach (var range in ranges)
        {
            if (range.Length <= 0)
            {
                continue;
            }

            var start = Math.Max(0, range.Offset - KernelReadAround);
            var end = Math.Min(fileLength, range.End + KernelReadAround);
            if (merged.Count > 0 && merged[^1].End >= start)
            {
                merged[^1] = new FileRange(merged[^1].Offset, Math.Max(merged[^1].End, end) - merged[^1].Offset);
            }
            else
            {
                merged.Add(new FileRange(start, end - start));
            }
        }

        return merged;
    }
}
