using Microsoft.Win32.SafeHandles;
using NixFuseStore.Client.Server;
using NixFuseStore.Native.Files;

namespace NixFuseStore.Client.Metadata;

/// <summary>
/// Records and manifest sections that outlive the process, in a bounded directory of append-only logs. Survives restarts and kill -9:
/// what was written is found again, a torn tail is dropped, a damaged entry reads as missing. No caller ever waits for a write: entries wait in
/// memory for one writer, and when the disk fails the cache goes on in memory alone and tries the disk again later.
/// All members may be called from any thread.
/// </summary>
internal sealed partial class MetadataCache : IAsyncDisposable
{
    /// <summary>Bytes that may wait for the writer, or live in memory where there is no disk; the oldest are dropped first.</summary>
    public const long PendingBytesMax = 32 << 20;

    /// <summary>After a failed write the disk is left alone for so long.</summary>
    public static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(5);

    private const int LogsPerCache = 16;

    /// <summary>EWOULDBLOCK, by which .NET reports a lock that another process has.</summary>
    private const int WouldBlock = 11;

    // Guards everything below. Held for dictionary work only; never while the disk is written.
    private readonly Lock _gate = new();
    private readonly Dictionary<MetadataKey, MetadataEntry> _entries = [];
    private readonly List<MetadataLog> _logs = [];
    private readonly Queue<MetadataKey> _queue = new();
    private readonly string? _directory;
    private readonly Action<string>? _notice;
    private readonly Action<string>? _fault;
    private readonly long _bytesMax;
    private readonly long _logBytesMax;
    private readonly TimeProvider _time;
    private readonly int[] _counts = new int[(int)MetadataKind.RemovedPath + 1];
    private long _pendingBytes;
    private long _corrupt;
    private long _dropped;
    private SafeFileHandle? _lock;
    private long _lastNumber;
    private bool _isOpen;
    private bool _failureTold;
    private bool _writing;
    private bool _closed;
    private long _failedAt = long.MinValue;
    private Task _writer = Task.CompletedTask;

    private MetadataCache(string? directory, long bytesMax, TimeProvider time, Action<string>? notice, Action<string>? fault)
    {
        _directory = directory;
        _notice = notice;
        _fault = fault;
        _bytesMax = bytesMax;
        _logBytesMax = Math.Max(bytesMax / LogsPerCache, 64 << 10);
        _time = time;
    }

    /// <summary>Entries that can be read.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _entries.Count;
            }
        }
    }

    /// <summary>Entries that were found damaged, since the start.</summary>
    public long Corrupt => Volatile.Read(ref _corrupt);

    /// <summary>Entries that were not kept because the disk could not take them, since the start.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Whether something waits to be written.</summary>
    internal bool IsWriting
    {
        get
        {
            lock (_gate)
            {
                return _writing;
            }
        }
    }

    /// <summary>As <see cref="Open"/>; where the process before still has the directory, since it hangs in the kernel, in memory only: readers need not wait for it.</summary>
    public static MetadataCache OpenOrInMemory(string? directory, long bytesMax, TimeProvider time, Action<string>? notice)
    {
        try
        {
            return Open(directory, bytesMax, time, notice);
        }
        catch (StoreConfigurationException e)
        {
            notice?.Invoke($"{e.Message}; what is learned is kept in memory only");
            return Open(null, bytesMax, time, notice);
        }
    }

    /// <summary>Opens the directory, made when missing, or a cache in memory alone where it is null.</summary>
    /// <remarks>
    /// Where that cannot be done at this moment (a full disk, no descriptors, a disk that gives errors), the cache begins in memory, says so, and the
    /// writer tries again.
    /// </remarks>
    /// <param name="directory">Holds the logs; null for none.</param>
    /// <param name="bytesMax">Most bytes of all logs.</param>
    /// <param name="time">The clock.</param>
    /// <param name="notice">Told in one line what an operator should know; may be null.</param>
    /// <param name="fault">For tests: runs before a log is opened, read or appended to, with that word; what it throws is the disk's failure.</param>
    /// <exception cref="StoreConfigurationException">Another process uses the directory.</exception>
    /// <exception cref="IOException">The directory cannot be made or read, nor will it be.</exception>
    public static MetadataCache Open(string? directory, long bytesMax, TimeProvider time, Action<string>? notice = null, Action<string>? fault = null)
    {
        var cache = new MetadataCache(directory, bytesMax, time, notice, fault);
        try
        {
            cache.OpenDirectory();
        }
        catch (IOException e) when (DiskErrors.MayPass(e))
        {
            cache._failedAt = time.GetTimestamp();
            cache.TellFailure(e);
        }

        return cache;
    }

    public bool Contains(in MetadataKey key)
    {
        lock (_gate)
        {
            return _entries.ContainsKey(key);
        }
    }

    /// <summary>The payload of an entry, or null.</summary>
    public byte[]? TryRead(in MetadataKey key)
    {
        MetadataEntry entry;
        lock (_gate)
        {
            if (!_entries.TryGetValue(key, out entry))
            {
                return null;
            }

            if (entry.Pending is { } pending)
            {
                return pending;
            }

            if (!entry.Used)
            {
                _entries[key] = entry with { Used = true };
            }
        }

        return ReadFromLog(in key, in entry);
    }

    /// <summary>Keeps an entry; one of the same name is replaced. The cache goes on using the array.</summary>
    public void Put(in MetadataKey key, byte[] payload)
    {
        lock (_gate)
        {
            if (_closed || payload.Length > MetadataEntryHeader.PayloadBytesMax)
            {
                return;
            }

            Forget(in key);
            Set(in key, new MetadataEntry(payload, null, 0, payload.Length, false));
            Enqueue(in key, payload.Length);
        }
    }

    /// <summary>Forgets an entry. The removal of a path is written down, so that it holds after a restart.</summary>
    public void Remove(in MetadataKey key)
    {
        lock (_gate)
        {
            // Before the logs were read, one of them may hold what is removed.
            var mayBeOnDisk = Forget(in key) || !_isOpen;
            if (!mayBeOnDisk || _closed || key.Kind != MetadataKind.Path)
            {
                return;
            }

            var tombstone = new MetadataKey(MetadataKind.RemovedPath, key.Name);
            Set(in tombstone, new MetadataEntry([], null, 0, 0, false));
            Enqueue(in tombstone, 0);
        }
    }

    /// <summary>How many entries of a kind there are.</summary>
    public int CountOf(MetadataKind kind) => Volatile.Read(ref _counts[(int)kind]);

    /// <summary>The names of all entries of a kind, in no order.</summary>
    public List<Key256> Names(MetadataKind kind)
    {
        var names = new List<Key256>();
        lock (_gate)
        {
            foreach (var key in _entries.Keys)
            {
                if (key.Kind == kind)
                {
                    names.Add(key.Name);
                }
            }
        }

        return names;
    }

    /// <summary>Writes what waits and closes the logs.</summary>
    public async ValueTask DisposeAsync()
    {
        Task writer;
        lock (_gate)
        {
            _closed = true;
            writer = _writer;
        }

        await writer.ConfigureAwait(false);
        lock (_gate)
        {
            foreach (var log in _logs)
            {
                log.Dispose();
            }

            _logs.Clear();
            _entries.Clear();
        }

        _lock?.Dispose();
    }

    private byte[]? ReadFromLog(in MetadataKey key, in MetadataEntry entry)
    {
        try
        {
            if (entry.Log!.Read(in key, entry.Position, entry.Length) is { } payload)
            {
                return payload;
            }
        }
        catch (ObjectDisposedException)
        {
            // The log was rotated away under us.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The entry is not to be had now. It may be the next time; who needs it now asks the server, and puts it in anew.
            return null;
        }

        lock (_gate)
        {
            if (_entries.TryGetValue(key, out var now) && now.Log == entry.Log && now.Position == entry.Position)
            {
                Drop(in key);
                _corrupt++;
            }
        }

        return null;
    }

    // Under the lock.
    private bool Forget(in MetadataKey key)
    {
        if (!_entries.TryGetValue(key, out var entry))
        {
            return false;
        }

        Drop(in key);
        if (entry.Pending is not null)
        {
            _pendingBytes -= entry.Length;
        }

        return true;
    }

    // Under the lock, as is Drop.
    private void Set(in MetadataKey key, in MetadataEntry entry)
    {
        if (!_entries.ContainsKey(key))
        {
            _counts[(int)key.Kind]++;
        }

        _entries[key] = entry;
    }

    private void Drop(in MetadataKey key)
    {
        if (_entries.Remove(key))
        {
            _counts[(int)key.Kind]--;
        }
    }

    private static SafeFileHandle Lock(string directory)
    {
        try
        {
            return File.OpenHandle(Path.Combine(directory, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e.HResult == WouldBlock)
        {
            throw new StoreConfigurationException($"metadata directory {directory} is in use by another process", e);
        }
    }
}
