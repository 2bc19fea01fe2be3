using System.Diagnostics.CodeAnalysis;
using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Trees;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Paths;

/// <summary>
/// The paths that are known to be valid, by hash part. A path learnt in passing (as part of a closure) is kept as its record and verified when
/// it is first asked for. Bounded: the oldest are forgotten, which costs asking again; of those that were not used for a while few stay. What the
/// file system holds is forgotten last. Any thread.
/// </summary>
internal sealed class PathTable
{
    /// <summary>Paths known at a time; a handle takes about a KiB or two.</summary>
    public const int PathsMax = 32_768;

    /// <summary>Held paths that are passed over when one has to go.</summary>
    private const int SecondChancesMax = 64;

    /// <summary>Removals remembered, so that an answer that was under way does not bring a removed path back.</summary>
    private const int RemovalsMax = 4096;

    private readonly Lock _gate = new();
    private readonly Dictionary<Key256, Entry> _entries = [];
    
    // In the order of their coming. A path that was removed, and perhaps came again, leaves its old entry here, which counts for nothing.
    private readonly Queue<(Key256 Key, Entry Entry)> _order = new();
    private readonly Dictionary<Key256, ulong> _removals = [];
    private readonly Queue<Key256> _removalOrder = new();
    private int _age;

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

    /// <summary>A verified path that is valid as far as is known. Allocates nothing.</summary>
    public bool TryGet(ReadOnlySpan<byte> baseName, [NotNullWhen(true)] out PathHandle? handle)
    {
        handle = null;
        if (baseName.Length <= StorePath.HashPartLength)
        {
            return false;
        }

        lock (_gate)
        {
            if (_entries.TryGetValue(Key256.Read(baseName), out var entry) && !entry.IsStale)
            {
                entry.UsedAt = _age;
                handle = entry.Handle;
            }
        }

        if (handle is not null && handle.BaseName.Span.SequenceEqual(baseName))
        {
            return true;
        }

        handle = null;
        return false;
    }

    /// <summary>The same by path. Where there is a record that was not verified yet, <paramref name="record"/> is that, and nothing is returned.</summary>
    public PathHandle? Find(in Key256 key, StorePath path, out PathRecord? record)
    {
        record = null;
        lock (_gate)
        {
            if (!_entries.TryGetValue(key, out var entry) || entry.IsStale)
            {
                return null;
            }

            entry.UsedAt = _age;
            if (entry.Record is { } pending && pending.BaseName == path.BaseName)
            {
                record = pending;
                return null;
            }

            return entry.Handle is { } handle && handle.Path == path ? handle : null;
        }
    }

    /// <summary>The base name of the path with this hash part, where it is known to be valid; null says nothing.</summary>
    public string? FindBaseName(in Key256 key)
    {
        lock (_gate)
        {
            return _entries.TryGetValue(key, out var entry) && !entry.IsStale ? entry.Record?.BaseName ?? entry.Handle?.Path.BaseName : null;
        }
    }

    /// <summary>Keeps what a server just said of a path; unverified until it is asked for.</summary>
    public void Learn(in Key256 key, PathRecord record)
    {
        lock (_gate)
        {
            if (IsRemoved(in key, record.Event))
            {
                return;
            }

            if (!_entries.TryGetValue(key, out var entry))
            {
                Add(in key, entry = new Entry());
            }

            entry.IsStale = false;
            if (entry.IsNews(record))
            {
                entry.Record = record;
            }
            else if (entry.Record is null)
            {
                entry.Event = record.Event;
            }
        }
    }

    /// <summary>Forgets a record that did not verify. What had been verified before stays.</summary>
    public void Reject(in Key256 key, PathRecord record)
    {
        lock (_gate)
        {
            if (_entries.TryGetValue(key, out var entry) && entry.Record == record)
            {
                entry.Record = null;
                if (entry.Handle is null)
                {
                    _entries.Remove(key);
                }
            }
        }
    }

    /// <summary>
    /// Keeps a handle of a record that was valid when the server was last asked, for when it cannot be asked, and returns the one to use.
    /// </summary>
    public PathHandle AdoptStale(in Key256 key, PathHandle handle, ulong eventNumber)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(key, out var entry))
            {
                Add(in key, new Entry { Handle = handle, Event = eventNumber, IsStale = true });
                return handle;
            }

            if (entry.Handle is { } known && known.Path == handle.Path)
            {
                return known;
            }

            entry.Handle ??= handle;
            return handle;
        }
    }

    /// <summary>The server says that a path is not valid: what is kept of it for when the server is away no longer counts.</summary>
    /// <returns>Whether anything was kept.</returns>
    public bool ForgetStale(in Key256 key)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(key, out var entry) || !entry.IsStale)
            {
                return false;
            }

            _entries.Remove(key);
            if (entry.Handle is { } handle)
            {
                handle.IsRemoved = true;
            }

            return true;
        }
    }

    /// <summary>
    /// Keeps a verified handle and returns the one to use: the one known already, where path and content are the same.
    /// </summary>
    public PathHandle Adopt(in Key256 key, PathHandle handle, ulong eventNumber)
    {
        lock (_gate)
        {
            if (IsRemoved(in key, eventNumber))
            {
                handle.IsRemoved = true;
                return handle;
            }

            if (!_entries.TryGetValue(key, out var entry))
            {
                Add(in key, entry = new Entry());
            }

            entry.Record = null;
            entry.IsStale = false;
            entry.Event = eventNumber;
            if (entry.Handle is { } known)
            {
                if (known.Digest == handle.Digest && known.Path == handle.Path)
                {
                    known.Info = handle.Info;
                    known.IsDamaged = handle.IsDamaged;
                    return known;
                }

                known.IsRemoved = true;
            }

            entry.Handle = handle;
            return handle;
        }
    }

    /// <summary>Forgets a path that is no longer valid.</summary>
    public void Remove(in Key256 key, ulong eventNumber)
    {
        lock (_gate)
        {
            if (_entries.TryGetValue(key, out var entry) && entry.Event > eventNumber)
            {
                // Registered again since; this removal was of what was before.
                return;
            }

            _entries.Remove(key);
            if (entry?.Handle is { } handle)
            {
                handle.IsRemoved = true;
            }

            if (!_removals.ContainsKey(key))
            {
                _removalOrder.Enqueue(key);
                if (_removalOrder.Count > RemovalsMax)
                {
                    _removals.Remove(_removalOrder.Dequeue());
                }
            }

            _removals[key] = eventNumber;
        }
    }

    /// <summary>
    /// Everything known has to be asked for again; handles of what is still the same stay. Event numbers of before mean nothing any more: a
    /// database that was set back gives them out again.
    /// </summary>
    public void MarkAllStale()
    {
        lock (_gate)
        {
            foreach (var entry in _entries.Values)
            {
                entry.IsStale = true;
                entry.Event = 0;

                // Not verified yet, so it is of no use even while the server is away.
                entry.Record = null;
            }

            _removals.Clear();
            _removalOrder.Clear();
        }
    }

    /// <summary>What is known of a path though it should be asked for again: for when no server can be asked.</summary>
    public PathHandle? FindStale(in Key256 key, StorePath path)
    {
        lock (_gate)
        {
            return _entries.TryGetValue(key, out var entry) && entry.Handle is { } handle && handle.Path == path ? handle : null;
        }
    }

    private bool IsRemoved(in Key256 key, ulong eventNumber) => _removals.TryGetValue(key, out var removedAt) && eventNumber <= removedAt;

    /// <summary>
    /// Forgets paths that were not used since the trimming before the last, the oldest first, as long as there are more than some. What the file
    /// system holds stays.
    /// </summary>
    /// <returns>The handles of those that are forgotten.</returns>
    public List<PathHandle> Trim(int kept)
    {
        var dropped = new List<PathHandle>();
        lock (_gate)
        {
            _age++;
            for (var left = _order.Count; left > 0; left--)
            {
                var (key, entry) = _order.Dequeue();
                if (!IsCurrent(in key, entry))
                {
                    continue;
                }

                if (_entries.Count <= kept || entry.Handle is { IsHeld: true } || entry.UsedAt + 1 >= _age)
                {
                    _order.Enqueue((key, entry));
                    continue;
                }

                _entries.Remove(key);
                if (entry.Handle is { } handle)
                {
                    dropped.Add(handle);
                }
            }
        }

        return dropped;
    }

    private bool IsCurrent(in Key256 key, Entry entry) => _entries.TryGetValue(key, out var now) && now == entry;

    private void Add(in Key256 key, Entry entry)
    {
        entry.UsedAt = _age;
        _entries.Add(key, entry);
        _order.Enqueue((key, entry));

        // What is held gets a second chance, though not all of it at each path that comes.
        for (var chances = SecondChancesMax; (_entries.Count > PathsMax || _order.Count > 2 * PathsMax) && _order.TryDequeue(out var oldest);)
        {
            if (!IsCurrent(in oldest.Key, oldest.Entry))
            {
                continue;
            }

            if (_entries.Count <= PathsMax || (oldest.Entry.Handle is { IsHeld: true } && chances-- > 0))
            {
                _order.Enqueue(oldest);
                if (_entries.Count <= PathsMax)
                {
                    break;
                }

                continue;
            }

            _entries.Remove(oldest.Key);
        }
    }

    private sealed class Entry
    {
        public PathHandle? Handle { get; set; }

        public PathRecord? Record { get; set; }

        /// <summary>Number of the registration that the handle comes from.</summary>
        public ulong Event { get; set; }

        public bool IsStale { get; set; }

        /// <summary>The table's age when it was last asked for.</summary>
        public int UsedAt { get; set; }

        /// <summary>
        /// Whether there is something in an answer: the same content as the handle's needs no second verification, unless there are signatures
        /// to be learnt, or damage. Signatures only become more, so an answer with fewer is one that took long.
        /// </summary>
        public bool IsNews(PathRecord record) => Record is { } waiting
            ? waiting.Event != record.Event || waiting.Signatures.Count <= record.Signatures.Count
            : Handle is not { } handle || handle.Path.BaseName != record.BaseName
                || !handle.Header.Bytes.Span.SequenceEqual(record.ManifestHeader.Span) || handle.Info.Signatures.Count < record.Signatures.Count || handle.IsDamaged != record.Damaged;
    }
}
