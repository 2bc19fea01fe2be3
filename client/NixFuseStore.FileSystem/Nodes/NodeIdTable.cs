using NixFuseStore.Native.Files;

namespace NixFuseStore.FileSystem.Nodes;

/// <summary>
/// Gives each (store, path, content) a slot, once and for ever, and inode numbers for all its files; remembers them in an append-only file, so
/// that a node id means the same bytes in every process that serves the cache directory's mounts. Any thread.
/// </summary>
/// <remarks>
/// Records are written by the thread pool, a moment behind the answer that used the slot, and not synced. A number never gets a second meaning
/// all the same: numbers are given only below what the file has promised (see <see cref="NodeIdRecord"/>), and a process that finds a promise
/// begins behind it. After a crash of the machine no mount is left that could hold a node id.
/// </remarks>
internal sealed class NodeIdTable : IDisposable
{
    /// <summary>Slots kept in memory, at about 300 bytes. With more, those of paths that are not in use are forgotten, the oldest first.</summary>
    public const int SlotsMax = 65_536;

    /// <summary>Slots that a file keeps when it is opened and holds more than twice as many; the newest stay.</summary>
    public const int SlotsKept = 16_384;

    /// <summary>Numbers promised at a time: what a crash costs of 2^32.</summary>
    private const uint SlotsPromised = 4096;

    private const uint InodesPromised = 1 << 20;

    /// <summary>Records written at once.</summary>
    private const int BatchBytes = 64 << 10;

    private readonly Lock _gate = new();
    private readonly Dictionary<NodeIdKey, Slot> _slots = [];
    private readonly Dictionary<uint, (NodeIdKey Key, uint FirstInode, uint Inodes)> _keys = [];
    private readonly Queue<uint> _order = new();

    // Guarded by _gate.
    private readonly Queue<uint> _unwritten = new();
    private uint _next = 1;
    private uint _nextInode = FixedNodes.InodesEnd;
    private bool _writeScheduled;

    // Guarded by _fileGate, which is never taken under _gate.
    private readonly Lock _fileGate = new();
    private readonly byte[] _batch = [];
    private NodeIdFile? _file;

    // Written under _fileGate, read anywhere: up to where numbers may be given.
    private volatile uint _promised = uint.MaxValue;
    private volatile uint _promisedInode = uint.MaxValue;

    private NodeIdTable(NodeIdFile? file)
    {
        _file = file;
        if (file is not null)
        {
            _batch = new byte[BatchBytes];
        }
    }

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

    /// <summary>
    /// Opens or makes the file, and drops the oldest records of one that has grown large: no mount of an earlier process is left that could use
    /// them. A tail that was cut short or damaged is dropped. No dropped number is given again.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="notice">Told in one line when something was dropped or cannot be written; may be null.</param>
    /// <remarks>On a full or failing disk the table lives in memory only: node ids then do not outlive the process.</remarks>
    /// <exception cref="IOException">The file cannot be opened or read.</exception>
    public static NodeIdTable Open(string path, Action<string>? notice)
    {
        NodeIdFile file;
        try
        {
            file = NodeIdFile.Open(path, notice);
        }
        catch (IOException e) when (DiskErrors.MayPass(e) || e is DirectoryNotFoundException)
        {
            notice?.Invoke($"cannot open {path}: {e.Message}; node ids will not outlive this process");
            return InMemory();
        }

        var table = new NodeIdTable(file);
        try
        {
            table.Load(file);
            table.Promise();
            return table;
        }
        catch (HeadNotWrittenException e)
        {
            file.Dispose();
            notice?.Invoke($"cannot write {path}: {e.InnerException!.Message}; node ids will not outlive this process");
            return InMemory();
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The slot of a key, given now if it has none.</summary>
    /// <param name="key">What it stands for.</param>
    /// <param name="inodes">How many files it has, at least 1.</param>
    public Slot GetOrAdd(in NodeIdKey key, int inodes)
    {
        Slot slot;
        bool beyondPromise;
        lock (_gate)
        {
            if (_slots.TryGetValue(key, out slot))
            {
                return slot;
            }

            // 2^32 contents of one cache directory: a thousand a second for fifty days. Wrapping round would show wrong bytes.
            var number = _next;
            _next = checked(number + 1);
            var first = 0u;
            if ((uint)inodes <= uint.MaxValue - _nextInode)
            {
                first = _nextInode;
                _nextInode += (uint)inodes;
            }

            slot = new Slot(number, first);
            Remember(slot, (uint)inodes, key);
            ForgetOldest();
            _unwritten.Enqueue(number);
            beyondPromise = number >= _promised || (first != 0 && _nextInode > _promisedInode);
            if (!_writeScheduled && _batch.Length > 0)
            {
                _writeScheduled = true;
                ThreadPool.UnsafeQueueUserWorkItem(static table => table.WritePending(), this, preferLocal: false);
            }
        }

        if (beyondPromise)
        {
            // Thousands of slots were given before the thread pool came to write one of them.
            WritePending();
        }

        return slot;
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

    /// <summary>Writes what is not written yet, and closes the file.</summary>
    public void Dispose()
    {
        WritePending();
        lock (_fileGate)
        {
            if (_file is { HasFailed: false })
            {
                // All that was given is in the file: the next process goes on right behind it.
                _file.TryAppend(_batch.AsSpan(0, NodeIdRecord.WritePromise(_batch, new Slot(_next, _nextInode))));
            }

            _file?.Dispose();
            _file = null;
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
            if (IsInUse?.Invoke(oldest) == true)
            {
                _order.Enqueue(oldest);
            }
            else if (_keys.Remove(oldest, out var known))
            {
                _slots.Remove(known.Key);
            }
        }
    }

    private void Load(NodeIdFile file)
    {
        // 1. Everything. A file of something else, or of another version, is started anew.
        var (records, dropped) = file.Read();
        SkipNumbersOf(dropped);

        // 2. The records, up to the first that does not read. The last promise counts, and what was given behind it.
        var rest = records.Span;
        while (NodeIdRecord.TryRead(rest, out var slot, out var inodes, out var key, out var length))
        {
            if (key.Kind == SlotKind.Promise)
            {
                (_next, _nextInode) = (slot.Number, Math.Max(slot.FirstInode, FixedNodes.InodesEnd));
            }
            else
            {
                Remember(slot, inodes, key);
            }

            rest = rest[length..];
        }

        foreach (var (number, known) in _keys)
        {
            _next = Math.Max(_next, checked(number + 1));
            _nextInode = Math.Max(_nextInode, known.FirstInode + known.Inodes);
        }

        // 3. What is left over is cut off.
        if (rest.Length > 0)
        {
            SkipNumbersOf(rest.Length);
            file.DropTail(rest.Length);
        }

        // 4. Only the newest stay of very many.
        if (_keys.Count > 2 * SlotsKept)
        {
            Compact(file);
        }
    }

    /// <summary>
    /// Dropped bytes may have held this many slots at most, and a promise; none of their numbers may come back with another meaning.
    /// </summary>
    private void SkipNumbersOf(int bytes)
    {
        if (bytes > 0)
        {
            _next = checked(_next + (uint)((bytes + NodeIdRecord.BytesMin - 1) / NodeIdRecord.BytesMin) + SlotsPromised);
            _nextInode = (uint)Math.Min(uint.MaxValue, (ulong)_nextInode + (16UL * InodesPromised));
        }
    }

    /// <summary>Writes a new file with the newest slots, and puts it in the place of the old one; where that fails, the old one stays.</summary>
    private void Compact(NodeIdFile file)
    {
        foreach (var number in _keys.Keys.Order().Take(_keys.Count - SlotsKept).ToArray())
        {
            _keys.Remove(number, out var known);
            _slots.Remove(known.Key);
        }

        _order.Clear();
        using var content = new MemoryStream();
        var record = new byte[NodeIdRecord.BytesMax];
        content.Write(record, 0, NodeIdRecord.WritePromise(record, new Slot(_next, _nextInode)));
        foreach (var (number, known) in _keys.OrderBy(static pair => pair.Key))
        {
            _order.Enqueue(number);
            content.Write(record, 0, NodeIdRecord.Write(record, new Slot(number, known.FirstInode), known.Inodes, known.Key));
        }

        file.Replace(content.GetBuffer().AsSpan(0, (int)content.Length));
    }

    private void WritePending()
    {
        lock (_fileGate)
        {
            while (_file is not null && Promise() && TakeBatch(out var count) is > 0 and var length)
            {
                if (!_file.TryAppend(_batch.AsSpan(0, length)))
                {
                    break;
                }

                Written(count);
            }

            lock (_gate)
            {
                // Numbers that cannot be written hold in this process; the next one given tries again.
                _writeScheduled = false;
            }
        }
    }

    // Under _fileGate, or before another thread has the table. Makes sure that a good many numbers may be given; false where that cannot be written.
    private bool Promise()
    {
        if (_file is null)
        {
            return false;
        }

        Slot end;
        lock (_gate)
        {
            if (_promised != uint.MaxValue && _promised - _next > SlotsPromised / 2 && _promised > _next
                && _promisedInode > _nextInode && _promisedInode - _nextInode > InodesPromised / 2)
            {
                return true;
            }

            end = new Slot(
                (uint)Math.Min(uint.MaxValue, (ulong)_next + SlotsPromised), (uint)Math.Min(uint.MaxValue, (ulong)_nextInode + InodesPromised));
        }

        if (!_file.TryAppend(_batch.AsSpan(0, NodeIdRecord.WritePromise(_batch, end))))
        {
            return false;
        }

        _promised = end.Number;
        _promisedInode = end.FirstInode;
        return true;
    }

    // Under _fileGate. Slots that were forgotten before they could be written are passed over.
    private int TakeBatch(out int count)
    {
        var length = 0;
        count = 0;
        lock (_gate)
        {
            foreach (var number in _unwritten)
            {
                if (length + NodeIdRecord.BytesMax > _batch.Length)
                {
                    break;
                }

                count++;
                if (_keys.TryGetValue(number, out var known))
                {
                    length += NodeIdRecord.Write(_batch.AsSpan(length), new Slot(number, known.FirstInode), known.Inodes, known.Key);
                }
            }
        }

        return length;
    }

    private void Written(int count)
    {
        lock (_gate)
        {
            for (; count > 0; count--)
            {
                _unwritten.Dequeue();
            }
        }
    }
}
