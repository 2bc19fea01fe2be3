using System.Globalization;

namespace NixFuseStore.Client.Reading;

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
                Write(key, payload);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A full or failing disk: what waits stays readable from memory; the next Put after the interval tries again.
                lock (_gate)
                {
                    _queue.Enqueue(key);
                    _failedAt = _time.GetTimestamp();
                    _writing = false;
                    return;
                }
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
        if (_logs.Count > 0 && _logs[^1].Length + bytes <= _logBytesMax)
        {
            return _logs[^1];
        }

        while (_logs.Count > 0 && _logs.Sum(static l => l.Length) + Math.Max(bytes, _logBytesMax) > _bytesMax)
        {
            DropOldest();
        }

        var log = MetadataLog.Create(_directory!, _logs.Count == 0 ? 1 : _logs[^1].Number + 1);
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
            var payload = oldest.Read(in key, entry.Position, entry.Length);
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

        oldest.Delete();
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
            var path = Path.Combine(directory, MetadataLog.NameOf(number));
            if (MetadataLog.Open(path, number, OnEntry) is { } log)
            {
                _logs.Add(log);
            }
            else
            {
                File.Delete(path);
            }
        }
    }

    private void OnEntry(MetadataLog log, MetadataEntryHeader header, long position)
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
