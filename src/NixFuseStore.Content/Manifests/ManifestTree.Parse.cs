using System.Runtime.InteropServices;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Content;

/// <content>Reading and validating the section, whose bytes FORMAT.md draws.</content>
public sealed partial class ManifestTree
{
    internal const byte KindMask = 3;
    internal const byte ExecutableFlag = 4;

    /// <summary>Reads and fully validates a tree section. Its digest is not checked here: see <see cref="ManifestHeader.OpenTree"/>.</summary>
    /// <param name="section">Plain canonical bytes, which the tree goes on using.</param>
    /// <exception cref="ManifestFormatException">The bytes are not canonical.</exception>
    public static ManifestTree Parse(ReadOnlyMemory<byte> section)
    {
        var bytes = MemoryMarshal.TryGetArray(section, out var segment) && segment.Offset == 0 ? segment.Array! : section.ToArray();
        var reader = new SectionReader(bytes.AsSpan(0, section.Length), "tree");

        // 1. How many entries, and what they are. Every entry takes at least a kind and a number.
        var count = reader.ReadCount(2);
        if (count == 0)
        {
            throw reader.Fail("has no root");
        }

        var entries = new Entry[count + 1];
        var kindsAt = reader.Position;
        var kinds = reader.ReadBytes(count);

        // 2. Numbers: sizes, child counts and target lengths. Each directory's children follow those of the directories before it, so
        //    there are no cycles, nothing is shared and nothing is out of reach, if only every entry was claimed before its turn.
        var next = 1;
        long targetBytes = 0;
        long streamLength = 0;
        for (var index = 0; index < count; index++)
        {
            if (index >= next)
            {
                throw reader.Fail("has entries that no directory holds");
            }

            var value = reader.ReadVarint();
            ref var entry = ref entries[index];
            switch (kinds[index])
            {
                case (byte)EntryKind.Regular or (byte)EntryKind.Regular | ExecutableFlag:
                    if (value > (ulong)(long.MaxValue - streamLength))
                    {
                        throw reader.Fail("holds file sizes beyond 63 bits");
                    }

                    streamLength += (long)value;
                    entry.Value = value;
                    break;

                case (byte)EntryKind.Directory:
                    if (value > (ulong)(count - next))
                    {
                        throw reader.Fail("has a directory with more children than there are entries");
                    }

                    entry.SetPair(next, (int)value);
                    foreach (ref var child in entries.AsSpan(next, (int)value))
                    {
                        child.Parent = index;
                    }

                    next += (int)value;
                    break;

                case (byte)EntryKind.Symlink:
                    if (value is 0 or > NarLimits.TargetBytesMax)
                    {
                        throw reader.Fail("has a symlink with an impossible target");
                    }

                    entry.SetPair((int)targetBytes, (int)value); // made absolute below
                    targetBytes += (long)value;
                    break;

                default:
                    throw reader.Fail("has an entry of no known kind");
            }
        }

        ReadNames(ref reader, bytes, entries);
        ReadTargets(ref reader, bytes, entries, kinds, targetBytes);
        var (targetBlanks, targetHashes, targetHashEnd) = ReadTargetBlanks(ref reader, bytes, entries, kinds);
        reader.End();
        LayOut(entries, kinds);
        return new ManifestTree(bytes, kindsAt, entries, targetBlanks, targetHashes, targetHashEnd, streamLength);
    }

    private static void ReadNames(ref SectionReader reader, byte[] bytes, Entry[] entries)
    {
        var count = entries.Length - 1;
        var lengths = reader.ReadBytes(count - 1);
        var start = reader.Position;
        entries[0].NameStart = start;
        for (var index = 1; index < count; index++)
        {
            entries[index].NameStart = start;
            start += lengths[index - 1];
            if ((uint)start > (uint)bytes.Length)
            {
                throw reader.Fail("is cut short");
            }
        }

        entries[count].NameStart = start;
        _ = reader.ReadBytes(start - reader.Position);

        for (var index = 1; index < count; index++)
        {
            var name = bytes.AsSpan(entries[index].NameStart, lengths[index - 1]);
            if (!NarLimits.IsEntryName(name))
            {
                throw reader.Fail("holds a name that no file can have");
            }

            if (index > 1 && entries[index].Parent == entries[index - 1].Parent
                && bytes.AsSpan(entries[index - 1].NameStart, lengths[index - 2]).SequenceCompareTo(name) >= 0)
            {
                throw reader.Fail("holds names out of order");
            }
        }
    }

    private static void ReadTargets(ref SectionReader reader, byte[] bytes, Entry[] entries, ReadOnlySpan<byte> kinds, long targetBytes)
    {
        if (targetBytes > reader.Left)
        {
            throw reader.Fail("is cut short");
        }

        var start = reader.Position;
        var targets = reader.ReadBytes((int)targetBytes);
        if (targets.Contains((byte)0))
        {
            throw reader.Fail("holds a symlink target with a NUL");
        }

        if (targetBytes == 0)
        {
            return;
        }

        for (var index = 0; index < kinds.Length; index++)
        {
            if (kinds[index] == (byte)EntryKind.Symlink)
            {
                entries[index].SetPair(start + entries[index].First, entries[index].Second);
            }
        }
    }

    private static (int[] Positions, ushort[] Hashes, int HashEnd) ReadTargetBlanks(
        ref SectionReader reader, byte[] bytes, Entry[] entries, ReadOnlySpan<byte> kinds)
    {
        var count = reader.ReadCount(2);
        if (count == 0)
        {
            return ([], [], 0);
        }

        // 1. Positions count from the end of the blank before, or from the start of all targets; each lies within one target.
        var positions = new int[count];
        long end = entries[^1].NameStart; // targets begin where names end
        var link = 0;
        for (var blank = 0; blank < count; blank++)
        {
            var gap = reader.ReadVarint();
            if (gap > int.MaxValue || end + (long)gap > bytes.Length)
            {
                throw reader.Fail("blanks behind the last symlink target");
            }

            var position = (int)(end + (long)gap);
            end = position + StoreHash.TextBytes;
            while (link < kinds.Length
                && (kinds[link] != (byte)EntryKind.Symlink || entries[link].First + entries[link].Second <= position))
            {
                link++;
            }

            if (link == kinds.Length || end > entries[link].First + entries[link].Second
                || !StoreHash.IsBlank(bytes.AsSpan(position, StoreHash.TextBytes)))
            {
                throw reader.Fail("blanks what is no blank in a symlink target");
            }

            positions[blank] = position;
        }

        // 2. Hashes. The stream's come first in the header, so their order is checked where the whole manifest is at hand.
        var hashes = new ushort[count];
        var hashEnd = 0;
        for (var blank = 0; blank < count; blank++)
        {
            var hash = reader.ReadVarint();
            if (hash >= ManifestHeader.HashesMax)
            {
                throw reader.Fail("names a store hash that no header has");
            }

            hashes[blank] = (ushort)hash;
            hashEnd = Math.Max(hashEnd, (int)hash + 1);
        }

        return (positions, hashes, hashEnd);
    }

    /// <summary>
    /// Gives every entry its stream offset. The stream is in NAR order (depth-first) while the table is breadth-first: bytes below each
    /// directory are summed up from the back, where children stand, then handed out from the front.
    /// </summary>
    private static void LayOut(Entry[] entries, ReadOnlySpan<byte> kinds)
    {
        for (var index = kinds.Length - 1; index > 0; index--)
        {
            ref var entry = ref entries[index];
            if ((kinds[index] & KindMask) == (byte)EntryKind.Regular)
            {
                entry.StreamOffset = (long)entry.Value; // until offsets are summed up below: the bytes at or below the entry
            }

            entries[entry.Parent].StreamOffset += entry.StreamOffset;
        }

        entries[0].StreamOffset = 0;
        for (var index = 0; index < kinds.Length; index++)
        {
            if (kinds[index] == (byte)EntryKind.Directory)
            {
                var offset = entries[index].StreamOffset;
                foreach (ref var child in entries.AsSpan(entries[index].First, entries[index].Second))
                {
                    (child.StreamOffset, offset) = (offset, offset + child.StreamOffset);
                }
            }
        }
    }
}
