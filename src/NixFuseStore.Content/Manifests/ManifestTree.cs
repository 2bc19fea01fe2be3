namespace NixFuseStore.Content;

/// <summary>
/// The tree section: every file, directory and symlink below (and including) a store path, breadth-first, so that the children of a
/// directory are contiguous and sorted bytewise by name. Entry 0 is the path itself. Immutable; all members may be called from any thread,
/// and none but <see cref="Parse"/> allocates.
/// </summary>
public sealed partial class ManifestTree
{
    private readonly byte[] _bytes; // the section, from _base on
    private readonly int _kinds; // where in it the kinds begin
    private readonly Entry[] _entries; // one more than entries: the last ends the last name
    private readonly int[] _targetBlanks; // where in it blanks of symlink targets begin
    private readonly ushort[] _targetHashes; // and which of the header's hashes stand there

    private ManifestTree(byte[] bytes, int kinds, Entry[] entries, int[] targetBlanks, ushort[] targetHashes, int targetHashEnd, long streamLength)
    {
        _bytes = bytes;
        _kinds = kinds;
        _entries = entries;
        _targetBlanks = targetBlanks;
        _targetHashes = targetHashes;
        TargetHashEnd = targetHashEnd;
        StreamLength = streamLength;
    }

    /// <summary>Entries, the root included.</summary>
    public int Count => _entries.Length - 1;

    /// <summary>Bytes of all regular files together: the length of the content stream.</summary>
    public long StreamLength { get; }

    /// <summary>Bytes of memory that the tree keeps alive, for caches with a bound.</summary>
    public long MemoryBytes => _bytes.Length + ((long)_entries.Length * Entry.Bytes) + (_targetBlanks.Length * (sizeof(int) + sizeof(ushort)));

    /// <summary>One more than the highest hash that a symlink target names; 0 where none does.</summary>
    internal int TargetHashEnd { get; }

    /// <summary>The hashes that symlink targets name, in table order.</summary>
    internal ReadOnlySpan<ushort> TargetHashes => _targetHashes;

    /// <summary>What an entry is.</summary>
    public EntryKind Kind(int index) => (EntryKind)(_bytes[_kinds + Checked(index)] & KindMask);

    /// <summary>Whether an entry is an executable regular file.</summary>
    public bool IsExecutable(int index) => (_bytes[_kinds + Checked(index)] & ExecutableFlag) != 0;

    /// <summary>Bytes of a file's content or of a symlink's target; 0 for a directory.</summary>
    public ulong Size(int index) => Kind(index) switch
    {
        EntryKind.Regular => _entries[index].Value,
        EntryKind.Symlink => (uint)_entries[index].Second,
        _ => 0,
    };

    /// <summary>
    /// Where an entry's content begins in the content stream. All content below a directory lies in one piece that begins at the
    /// directory's own offset. For a symlink, the offset of whatever content comes next.
    /// </summary>
    public ulong StreamOffset(int index) => (ulong)_entries[Checked(index)].StreamOffset;

    /// <summary>An entry's name: 1 to 255 bytes without '/' and NUL; empty for the root. Valid as long as the tree.</summary>
    public ReadOnlySpan<byte> Name(int index)
    {
        var start = _entries[Checked(index)].NameStart;
        return new ReadOnlySpan<byte>(_bytes, start, _entries[index + 1].NameStart - start);
    }

    /// <summary>The entries of a directory in bytewise order of names; (0, 0) for anything but a directory.</summary>
    public (int First, int Count) Children(int index) =>
        Kind(index) == EntryKind.Directory ? (_entries[index].First, _entries[index].Second) : default;

    /// <summary>The directory that holds an entry; the root is its own parent.</summary>
    public int Parent(int index) => _entries[Checked(index)].Parent;

    /// <summary>Finds a name in a directory; false where it is not there or <paramref name="directory"/> is none.</summary>
    public bool TryFind(int directory, ReadOnlySpan<byte> name, out int index)
    {
        var (low, count) = Children(directory);
        var high = low + count - 1;
        while (low <= high)
        {
            var middle = (int)(((uint)low + (uint)high) >> 1);
            var order = Name(middle).SequenceCompareTo(name);
            if (order == 0)
            {
                index = middle;
                return true;
            }

            if (order < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        index = -1;
        return false;
    }

    /// <summary>Writes a symlink's target, hashes restored.</summary>
    /// <param name="index">A symlink.</param>
    /// <param name="header">The header of a manifest that this tree belongs to: it holds the store hashes.</param>
    /// <param name="destination">At least <see cref="Size"/> bytes.</param>
    /// <returns>The bytes written: the entry's size.</returns>
    /// <exception cref="ArgumentException">The entry is no symlink, or the destination is too short.</exception>
    public int GetTarget(int index, ManifestHeader header, Span<byte> destination)
    {
        if (Kind(index) != EntryKind.Symlink)
        {
            throw new ArgumentException("The entry is no symlink.", nameof(index));
        }

        var (start, length) = (_entries[index].First, _entries[index].Second);
        new ReadOnlySpan<byte>(_bytes, start, length).CopyTo(destination);
        var blank = SortedSearch.FirstAtLeast(_targetBlanks, start);
        for (; blank < _targetBlanks.Length && _targetBlanks[blank] < start + length; blank++)
        {
            header.CopyHash(_targetHashes[blank], destination[(_targetBlanks[blank] - start)..]);
        }

        return length;
    }

    private int Checked(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
        return index;
    }

    /// <summary>What parsing keeps of an entry beside the section's own bytes.</summary>
    /// <param name="NameStart">Where in the section the name begins; it ends where the next entry's begins.</param>
    /// <param name="Parent">The directory that holds the entry.</param>
    /// <param name="StreamOffset">Where the entry's content begins in the stream.</param>
    /// <param name="Value">A file's size; of others two ints, below.</param>
    private record struct Entry(int NameStart, int Parent, long StreamOffset, ulong Value)
    {
        public const int Bytes = 24;

        /// <summary>A directory's first child; where in the section a symlink's target begins.</summary>
        public readonly int First => (int)(Value & uint.MaxValue);

        /// <summary>The number of a directory's children; the bytes of a symlink's target.</summary>
        public readonly int Second => (int)(Value >> 32);

        public void SetPair(int first, int second) => Value = (uint)first | ((ulong)(uint)second << 32);
    }
}
