namespace NixFuseStore.FileSystem.Nodes;

/// <summary>
/// Gives each (store, path, content) a number, once and for ever, and remembers them in an append-only file, so that a node id
/// means the same bytes in every process that serves the cache directory's mounts. Any thread.
/// </summary>
/// <remarks>
/// Records are not synced: after a crash of the process they are there, and after a crash of the machine no mount is left that
/// could hold a node id. A number whose record could not be written (disk full) is written with the next one.
/// </remarks>
internal sealed class SlotTable : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<SlotKey, uint> _slots = [];
    private readonly Dictionary<uint, SlotKey> _keys = [];
    private readonly FileStream? _file;
    private readonly Action<string>? _notice;

    // Both guarded by _gate.
    private readonly List<uint> _unwritten = [];
    private uint _next = 1;
    private long _end;
    private bool _writeFailed;

    private SlotTable(FileStream? file, Action<string>? notice)
    {
        _file = file;
        _notice = notice;
    }

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
    public static SlotTable InMemory() => new(null, null);

    /// <summary>Opens or makes the file. A tail that was cut short or damaged is dropped; its numbers are not given again.</summary>
    /// <param name="path">The file.</param>
    /// <param name="notice">Told in one line when something was dropped or cannot be written; may be null.</param>
    /// <remarks>On a full disk the table of a new file lives in memory only: node ids then do not outlive the process.</remarks>
    /// <exception cref="IOException">The file cannot be opened or read.</exception>
    public static SlotTable Open(string path, Action<string>? notice)
    {
        // Unbuffered: each record is one write, whole or torn, and never sits in this process.
        var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
        try
        {
            var table = new SlotTable(file, notice);
            table.Load(path);
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

    /// <summary>The number of a key, given now if it has none.</summary>
    public uint GetOrAdd(in SlotKey key)
    {
        lock (_gate)
        {
            if (_slots.TryGetValue(key, out var slot))
            {
                return slot;
            }

            slot = _next;
            // 2^32 contents of one cache directory: a thousand a second for fifty days. Wrapping round would show wrong bytes.
            _next = checked(slot + 1);
            _slots.Add(key, slot);
            _keys.Add(slot, key);
            _unwritten.Add(slot);
            WritePending();
            return slot;
        }
    }

    /// <summary>What a number stands for; false for a number that was never given.</summary>
    public bool TryGetKey(uint slot, out SlotKey key)
    {
        lock (_gate)
        {
            return _keys.TryGetValue(slot, out key);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _file?.Dispose();
        }
    }

    private void Load(string path)
    {
        // 1. Everything in one read: a record has about 110 bytes, and there are as many as paths were ever looked at.
        var bytes = new byte[_file!.Length];
        _file.ReadExactly(bytes);
        var rest = bytes.AsSpan();

        // 2. The head. A file of something else, or of another version, is started anew.
        if (rest.StartsWith(SlotRecord.FileHead))
        {
            rest = rest[SlotRecord.FileHead.Length..];
        }
        else
        {
            if (rest.Length > 0)
            {
                _notice?.Invoke($"{path} is not a slot file of this version; starting it anew");
            }

            SkipNumbersOf(rest.Length);
            _file.SetLength(0);
            _file.Position = 0;
            WriteHead();
            return;
        }

        // 3. The records, up to the first that does not read.
        while (SlotRecord.TryRead(rest, out var slot, out var key, out var length))
        {
            _slots[key] = slot;
            _keys[slot] = key;
            _next = Math.Max(_next, checked(slot + 1));
            rest = rest[length..];
        }

        // 4. What is left over is cut off.
        _end = bytes.Length - rest.Length;
        if (rest.Length > 0)
        {
            _notice?.Invoke($"{path} ends in {rest.Length} damaged bytes; they are dropped");
            SkipNumbersOf(rest.Length);
            _file.SetLength(_end);
        }
    }

    /// <summary>Dropped bytes may have held this many records at most; none of their numbers may come back with another meaning.</summary>
    private void SkipNumbersOf(int bytes)
        => _next = checked(_next + (uint)((bytes + SlotRecord.BytesMin - 1) / SlotRecord.BytesMin));

    private void WriteHead()
    {
        try
        {
            _file!.Write(SlotRecord.FileHead);
        }
        catch (IOException e)
        {
            throw new HeadNotWrittenException(e);
        }

        _end = SlotRecord.FileHead.Length;
    }

    private void WritePending()
    {
        if (_file is null)
        {
            _unwritten.Clear();
            return;
        }

        Span<byte> record = stackalloc byte[SlotRecord.BytesMax];
        try
        {
            while (_unwritten.Count > 0)
            {
                var slot = _unwritten[0];
                var length = SlotRecord.Write(record, slot, _keys[slot]);
                // At the known end: what a failed write left behind is written over.
                _file.Position = _end;
                _file.Write(record[..length]);
                _end += length;
                _unwritten.RemoveAt(0);
            }

            _writeFailed = false;
        }
        catch (IOException exception)
        {
            // Once per outage: the numbers hold in this process, and the next one given tries again.
            if (!_writeFailed)
            {
                _notice?.Invoke($"cannot write {_file.Name}: {exception.Message}; node ids of new paths will not outlive this process");
            }

            _writeFailed = true;
        }
    }

    /// <summary>A new file could not even be begun.</summary>
    private sealed class HeadNotWrittenException(IOException cause) : IOException(cause.Message, cause);
}
