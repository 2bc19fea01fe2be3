using System.Globalization;
using NixFuseStore.Native.Files;

namespace NixFuseStore.Client.Metadata;

/// <content>The writer: appends what waits, rotates logs, bounds the directory.</content>
internal sealed partial class MetadataCache
{
    // Under the lock.
    private void Enqueue(in MetadataKey key, int length)
    {
        _pendingBytes += length;
        _queue.Enqueue(key);
        while (_pendingBytes > PendingBytesMax && _queue.TryDequeue(out var oldest))
        {
            if (_entries.TryGetValue(oldest, out var entry) && entry.Pending is not null)
            {
                Forget(in oldest);
                _dropped++;
            }
        }

        if (_directory is not null && !_writing && DiskMayBeTried())
        {
            _writing = true;
            _writer = Task.Run(WriteAll);
        }
    }

    private bool DiskMayBeTried() => _failedAt == long.MinValue || _time.GetElapsedTime(_failedAt) >= RetryInterval;

    private void WriteAll()
    {
        while (true)
        {
            MetadataKey key;
            byte[] payload;
            lock (_gate)
            {
                if (!_queue.TryDequeue(out key))
                {
                    _writing = false;
                    return;
                }

                if (!_entries.TryGetValue(key, out var entry) || entry.Pending is null)
                {
                    continue;
                }

                payload = entry.Pending;
            }

            try
            {
                OpenDirectory();
                Write(key, payload);
            }
#pragma warning disable CA1031 // Whatever it was: the writer must be able to begin again.
            catch (Exception e)
#pragma warning restore CA1031
            {
                // A full or failing disk: what waits stays readable from memory; the next Put after the interval tries again.
                lock (_gate)
                {
                    _queue.Enqueue(key);
                    _failedAt = _time.GetTimestamp();
                    _writing = false;
                }

                TellFailure(e);
                return;
            }
        }
    }

    private void Write(MetadataKey key, byte[] payload)
    {
        var log = LogToAppendTo(MetadataEntryHeader.Size + payload.Length);
        var position = log.Append(in key, payload);
        lock (_gate)
        {
            _failedAt = long.MinValue;
            _failureTold = false;
            if (!_entries.TryGetValue(key, out var entry) || !ReferenceEquals(entry.Pending, payload))
            {
                // Replaced or removed meanwhile: what was written is overruled by what will be.
                return;
            }

            _pendingBytes -= payload.Length;
            if (key.Kind == MetadataKind.RemovedPath)
            {
                Drop(in key);
            }
            else
            {
                _entries[key] = entry with { Pending = null, Log = log, Position = position };
            }
        }
    }

    // Only the writer changes the list of logs, so it may read the list without the lock.
    private MetadataLog LogToAppendTo(int bytes)
    {
        if (_logs.Count > 0 && !_logs[^1].IsSealed && _logs[^1].Length + bytes <= _logBytesMax)
        {
            return _logs[^1];
        }

        while (_logs.Count > 0 && _logs.Sum(static l => l.Length) + Math.Max(bytes, _logBytesMax) > _bytesMax)
        {
            DropOldest();
        }

        var log = MetadataLog.Create(_directory!, ++_lastNumber, _fault);
        lock (_gate)
        {
            _logs.Add(log);
        }

        return log;
    }

    // Entries that were read since they were written go back into the queue, up to a quarter of a log's bytes.
    private void DropOldest()
    {
        var oldest = _logs[0];
        List<MetadataKey> gone = [];
        List<(MetadataKey Key, MetadataEntry Entry)> kept = [];
        lock (_gate)
        {
            var keptBytes = 0L;
            foreach (var (key, entry) in _entries)
            {
                if (entry.Log != oldest)
                {
                    continue;
                }

                if (entry.Used && keptBytes + entry.Length <= _logBytesMax / 4)
                {
                    keptBytes += entry.Length;
                    kept.Add((key, entry));
                }
                else
                {
                    gone.Add(key);
                }
            }
        }

        foreach (var (key, entry) in kept)
        {
            var payload = TryRead(oldest, in key, in entry);
            lock (_gate)
            {
                if (_entries.TryGetValue(key, out var now) && now.Log == oldest)
                {
                    Forget(in key);
                    if (payload is not null)
                    {
                        Set(in key, new MetadataEntry(payload, null, 0, payload.Length, false));
                        _pendingBytes += payload.Length;
                        _queue.Enqueue(key);
                    }
                }
            }
        }

        lock (_gate)
        {
            foreach (var key in gone)
            {
                if (_entries.TryGetValue(key, out var now) && now.Log == oldest)
                {
                    Drop(in key);
                }
            }

            _logs.RemoveAt(0);
        }

        try
        {
            oldest.Delete();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is found again at the next start, as the oldest one.
            TellFailure(e);
        }
    }

    // One entry that the disk does not give is lost with its log; it must not keep the log, and all others, from going.
    private static byte[]? TryRead(MetadataLog log, in MetadataKey key, in MetadataEntry entry)
    {
        try
        {
            return log.Read(in key, entry.Position, entry.Length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Told once, until a write succeeds.</summary>
    private void TellFailure(Exception failure)
    {
        lock (_gate)
        {
            if (_failureTold)
            {
                return;
            }

            _failureTold = true;
        }

        _notice?.Invoke($"metadata cache {_directory} is bypassed: {failure.Message.ReplaceLineEndings(" ")}");
    }

    /// <summary>Makes and locks the directory and reads what lies there, unless that is done. Before the first writer, or on it.</summary>
    private void OpenDirectory()
    {
        if (_isOpen || _directory is null)
        {
            return;
        }

        PrivateDirectory.Create(_directory);
        _lock ??= Lock(_directory);
        OpenLogs(_directory);
        lock (_gate)
        {
            _isOpen = true;
        }
    }

    private void OpenLogs(string directory)
    {
        var numbers = new List<long>();
        foreach (var path in Directory.EnumerateFiles(directory, "*.log"))
        {
            if (long.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var number))
            {
                numbers.Add(number);
            }
        }

        numbers.Sort();
        foreach (var number in numbers)
        {
            _lastNumber = number;
            var path = Path.Combine(directory, MetadataLog.NameOf(number));
            try
            {
                if (MetadataLog.Open(path, number, OnEntry, _fault) is not { } log)
                {
                    File.Delete(path);
                    continue;
                }

                lock (_gate)
                {
                    _logs.Add(log);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It stays, for the next process; what it holds is missing in this one.
                TellFailure(e);
            }
        }
    }

    private void OnEntry(MetadataLog log, MetadataEntryHeader header, long position)
    {
        lock (_gate)
        {
            // What came while the logs could not be read is newer.
            var isOverruled = _entries.TryGetValue(header.Key, out var known) && known.Pending is not null;
            isOverruled |= header.Key.Kind == MetadataKind.Path && _entries.ContainsKey(new MetadataKey(MetadataKind.RemovedPath, header.Key.Name));
            if (!isOverruled)
            {
                Adopt(log, header, position);
            }
        }
    }

    // Under the lock.
    private void Adopt(MetadataLog log, MetadataEntryHeader header, long position)
    {
        if (header.Key.Kind == MetadataKind.RemovedPath)
        {
            Drop(new MetadataKey(MetadataKind.Path, header.Key.Name));
        }
        else
        {
            Set(header.Key, new MetadataEntry(null, log, position, header.Length, false));
        }
    }
}
