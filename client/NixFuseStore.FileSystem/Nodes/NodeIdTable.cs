using Microsoft.Win32.SafeHandles;

namespace NixFuseStore.FileSystem.Nodes;

/// <summary>
/// Gives each (store, path, content) a slot, once, and inode numbers for all its files; remembers them in a file in memory before anything is
/// answered with them, so that a node id means the same bytes in every process that comes to serve the mount. Any thread.
/// </summary>
internal sealed class NodeIdTable
{
    /// <summary>Slots kept, at about 300 bytes, and 130 in the file. With more, those of paths that are not in use are forgotten, the oldest first.</summary>
    public const int SlotsMax = 65_536;

    /// <summary>The file is made anew when it has grown so large, without the records of what was forgotten.</summary>
    private const long FileBytesMax = 3L * SlotsMax * 130;

    private readonly Lock _gate = new();

    // All guarded by _gate.
    private readonly Dictionary<NodeIdKey, Slot> _slots = [];
    private readonly Dictionary<uint, (NodeIdKey Key, uint FirstInode, uint Inodes)> _keys = [];
    private readonly Queue<uint> _order = new();
    private readonly NodeIdFile? _file;
    private long _fileBytesMax = FileBytesMax;
    private uint _next = 1;
    private uint _inheritedEnd;
    private uint _nextInode = FixedNodes.InodesEnd;

    private NodeIdTable(NodeIdFile? file) => _file = file;

    /// <summary>Whether another process has served the mount before.</summary>
    public bool IsResumed { get; private set; }

    /// <summary>What the process before has given, the oldest first; none for a new mount. The kernel may know nodes of it.</summary>
    public IReadOnlyList<NodeIdKey> Inherited { get; private set; } = [];

    /// <summary>Whether a slot is in use and must not be forgotten; null: none is.</summary>
    public Func<uint, bool>? IsInUse { get; set; }

    /// <summary>Slots in memory.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _keys.Count;
            }
        }
    }

    /// <summary>A table that lives as long as the process.</summary>
    public static NodeIdTable InMemory() => new(null);

    /// <summary>Goes on with what the process before has given.</summary>
    /// <param name="file">A file in memory, empty for a new mount; stays the caller's, open for as long as the table is used.</param>
    /// <exception cref="InvalidDataException">It is of another version.</exception>
    public static NodeIdTable Open(SafeFileHandle file)
    {
        var table = new NodeIdTable(new NodeIdFile(file));
        table.Load();
        return table;
    }

    /// <summary>The slot of a key, given now if it has none.</summary>
    /// <param name="key">What it stands for.</param>
    /// <param name="inodes">How many files it has, at least 1.</param>
    /// <exception cref="IOException">There is no memory to remember it.</exception>
    public Slot GetOrAdd(in NodeIdKey key, int inodes)
    {
        lock (_gate)
        {
            if (_slots.TryGetValue(key, out var slot))
            {
                return slot;
            }

            // 1. Numbers. 2^32 contents of one mount: a thousand a second for fifty days. Wrapping round would show wrong bytes.
            var number = _next;
            _next = checked(number + 1);
            var first = 0u;
            if ((uint)inodes <= uint.MaxValue - _nextInode)
            {
                first = _nextInode;
                _nextInode += (uint)inodes;
            }

            // 2. Remembered before it is used.
            slot = new Slot(number, first);
            if (_file is not null)
            {
                Span<byte> record = stackalloc byte[NodeIdRecord.BytesMax];
                _file.Append(record[..NodeIdRecord.Write(record, slot, (uint)inodes, key)]);
            }

            Remember(slot, (uint)inodes, key);
            ForgetOldest();
            if (_file?.Length > _fileBytesMax)
            {
                Compact(_file);
            }

            return slot;
        }
    }

    /// <summary>What a number stands for; false for a number that was never given, or has been forgotten.</summary>
    public bool TryGetKey(uint number, out NodeIdKey key)
    {
        lock (_gate)
        {
            var found = _keys.TryGetValue(number, out var known);
            key = known.Key;
            return found;
        }
    }

    // Under the lock, or before another thread has the table.
    private void Remember(in Slot slot, uint inodes, in NodeIdKey key)
    {
        _slots[key] = slot;
        if (_keys.TryAdd(slot.Number, (key, slot.FirstInode, inodes)))
        {
            _order.Enqueue(slot.Number);
        }
    }

    // Under the lock. What is in use is passed over, once round at most.
    private void ForgetOldest()
    {
        for (var left = _order.Count; _keys.Count > SlotsMax && left > 0; left--)
        {
            var oldest = _order.Dequeue();
            if (oldest < _inheritedEnd || IsInUse?.Invoke(oldest) == true)
            {
                _order.Enqueue(oldest);
            }
            else if (_keys.Remove(oldest, out var known))
            {
                _slots.Remove(known.Key);
            }
        }
    }

    private void Load()
    {
        ReadOnlySpan<byte> rest = _file!.Read(out var isNew);
        IsResumed = !isNew;
        while (NodeIdRecord.TryRead(rest, out var slot, out var inodes, out var key, out var length))
        {
            if (key.Kind != SlotKind.Numbers)
            {
                Remember(slot, inodes, key);
            }

            _next = Math.Max(_next, key.Kind == SlotKind.Numbers ? slot.Number : checked(slot.Number + 1));
            _nextInode = Math.Max(_nextInode, slot.FirstInode + inodes);
            rest = rest[length..];
        }

        _file.DropTail(rest.Length);

        // Programs that were started before may have any of them open.
        _inheritedEnd = _next;
        Inherited = [.. _order.Select(number => _keys[number].Key)];
    }

    // Under the lock. Where there is no memory for a second one, the file grows on.
    private void Compact(NodeIdFile file)
    {
        using var content = new MemoryStream();
        var record = new byte[NodeIdRecord.BytesMax];
        content.Write(record, 0, NodeIdRecord.WriteNumbers(record, new Slot(_next, _nextInode)));
        foreach (var number in _order)
        {
            var (key, firstInode, inodes) = _keys[number];
            content.Write(record, 0, NodeIdRecord.Write(record, new Slot(number, firstInode), inodes, key));
        }

        try
        {
            file.Replace(content.GetBuffer().AsSpan(0, (int)content.Length));
            _fileBytesMax = Math.Max(FileBytesMax, 2 * file.Length);
        }
        catch (IOException)
        {
            _fileBytesMax *= 2;
        }
    }
}
