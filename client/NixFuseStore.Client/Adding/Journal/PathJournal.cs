using System.Threading.Channels;
using NixFuseStore.Client.Push;

namespace NixFuseStore.Client.Adding;

/// <summary>
/// Keeps paths on local disk from when they are acknowledged until they are registered, in segments that are only ever appended to and
/// deleted whole. Those who append at the same moment share one flush. Where the disk fails it takes no more for a while, and nothing that
/// it holds is touched. A thread of its own writes, from the first path on. All members may be called from any thread.
/// </summary>
internal sealed class PathJournal : IAsyncDisposable
{
    /// <summary>The longest reason that is written beside a path.</summary>
    private const int ReasonLengthMax = 2000;

    /// <summary>A longer segment is followed by the next one.</summary>
    private const long SegmentBytesMax = 16L << 20;

    /// <summary>A segment of at least so many bytes is replaced when all of it is registered; a shorter one is worth going on with.</summary>
    private const long RecycledBytesMin = 1L << 20;

    /// <summary>With so many bytes in segments it takes no more.</summary>
    private const long BytesMax = 256L << 20;

    /// <summary>How long it rests after an error of the disk.</summary>
    internal static readonly TimeSpan RestTime = TimeSpan.FromSeconds(30);

    private readonly JournalDirectory _directory;
    private readonly string _identity;
    private readonly Action<string>? _log;
    private readonly TimeProvider _time;
    private readonly JournalFiles _files;
    private readonly Channel<Append> _appends = Channel.CreateUnbounded<Append>(); // bounded by what callers may have waiting
    private readonly Lock _gate = new();
    private Task _writing = Task.CompletedTask;

    // Guarded by _gate.
    private readonly HashSet<JournalSegment> _segments = [];
    private readonly HashSet<string> _unread = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _damaged = new(StringComparer.Ordinal);
    private string[] _otherStores = [];
    private string? _trouble;
    private long _restingSince;
    private bool _isRead;
    private bool _started;
    private bool _closed;

    // The writer's alone.
    private JournalSegment? _waiting;
    private JournalSegment? _aside;

    /// <summary>A journal below a directory, which is made when the first path comes.</summary>
    /// <param name="root">Holds the journals of all stores that were mounted with this cache, each in a directory of its own.</param>
    /// <param name="identity">What the paths belong to, as text.</param>
    /// <param name="log">Told in one line what an operator should know; may be null.</param>
    /// <param name="time">The clock.</param>
    /// <param name="files">The disk; null for the real one.</param>
    public PathJournal(string root, string identity, Action<string>? log, TimeProvider time, JournalFiles? files = null)
    {
        _identity = identity;
        _log = log;
        _time = time;
        _files = files ?? new JournalFiles();
        _directory = new JournalDirectory(root, identity, _files);
    }

    /// <summary>Whether it takes paths: not when it is full, cannot be read, or rests after an error.</summary>
    public bool IsOpen
    {
        get
        {
            lock (_gate)
            {
                return !_closed && _isRead && !IsResting && _segments.Sum(static segment => segment.Length) < BytesMax;
            }
        }
    }

    /// <summary>Whether segments are there that could not be read so far: <see cref="Read"/> tries again.</summary>
    public bool HasUnread
    {
        get
        {
            lock (_gate)
            {
                return !_closed && (!_isRead || _unread.Count > 0);
            }
        }
    }

    /// <summary>State.</summary>
    public JournalStatus Status
    {
        get
        {
            lock (_gate)
            {
                return new JournalStatus(
                    _directory.Path,
                    _segments.Where(static segment => !segment.IsSetAside).Sum(static segment => segment.Outstanding),
                    _segments.Where(static segment => segment.IsSetAside).Sum(static segment => segment.Outstanding),
                    [.. _damaged],
                    _otherStores,
                    !_isRead || _unread.Count > 0 || IsResting ? _trouble : null);
            }
        }
    }

    private bool IsResting => _trouble is not null && _isRead && _time.GetElapsedTime(_restingSince) < RestTime;

    /// <summary>
    /// Reads what earlier processes left, in its order; to be called before anything is appended, and again while <see cref="HasUnread"/>.
    /// What cannot be read stays as it is. Never throws for the disk.
    /// </summary>
    public IReadOnlyList<RecoveredPath> Read()
    {
        var paths = new List<RecoveredPath>();
        lock (_gate)
        {
            if (_closed)
            {
                return paths;
            }

            try
            {
                if (!_isRead)
                {
                    TakeDirectory();
                }

                foreach (var name in _unread.Order(StringComparer.Ordinal).ToArray())
                {
                    if (TryReadSegment(name, paths))
                    {
                        _unread.Remove(name);
                    }
                }

                _isRead = true;
                if (_unread.Count == 0)
                {
                    _trouble = null;
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Say($"the journal of added paths in {_directory.Path} cannot be opened, and is left as it is: {e.Message}; paths are registered before they are acknowledged");
            }
        }

        return paths;
    }

    /// <summary>Ends when the path is on disk.</summary>
    /// <exception cref="IOException">It is not: the disk is full, or has failed.</exception>
    public Task<JournalEntry> AppendAsync(ReadOnlyMemory<byte> path) => AppendAsync(new Append(path, null));

    /// <summary>A path is registered, or is to be forgotten. A segment of which nothing waits any more is deleted.</summary>
    public void Complete(JournalEntry entry)
    {
        lock (_gate)
        {
            entry.Segment.Outstanding--;
            RetireWhereDone(entry.Segment);
        }
    }

    /// <summary>
    /// The server refuses a path for good: it is kept apart with the reason, to be tried again by the next process. Where that cannot be
    /// written, it stays where it is.
    /// </summary>
    public async Task SetAsideAsync(JournalEntry entry, ReadOnlyMemory<byte> path, string reason)
    {
        if (entry.IsSetAside)
        {
            return;
        }

        try
        {
            await AppendAsync(new Append(path, reason.Length > ReasonLengthMax ? reason[..ReasonLengthMax] : reason));
            Complete(entry);
        }
        catch (IOException)
        {
            // The writer has said so, and the next process finds it.
        }
    }

    /// <summary>Ends when what was appended is on disk or has failed.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _closed = true;
        }

        _appends.Writer.TryComplete();
        await _writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_gate)
        {
            foreach (var segment in _segments.ToArray())
            {
                segment.IsSealed = true;
                RetireWhereDone(segment);
                segment.File?.Dispose();
            }

            _directory.Dispose();
        }
    }

    private Task<JournalEntry> AppendAsync(Append append)
    {
        lock (_gate)
        {
            if (_closed)
            {
                throw new IOException("the journal is closed");
            }

            if (!_started)
            {
                _started = true;
                _writing = DedicatedThread.RunAsync(Write);
            }

            _appends.Writer.TryWrite(append);
        }

        return append.Done.Task;
    }

    // Finds what there is. Under the lock.
    private void TakeDirectory()
    {
        var others = _directory.OtherStores();
        foreach (var other in others.Except(_otherStores))
        {
            _log?.Invoke($"{other} holds paths that were added to another store; they are registered when that is mounted with this cache directory");
        }

        _otherStores = others;
        if (_directory.FirstVersionFile() is { } old && _damaged.Add(old))
        {
            _log?.Invoke($"{old} is a journal of version 1, which this program does not read; it is left as it is: mount once with the program that wrote it");
        }

        _unread.UnionWith(_directory.Open(_damaged));
    }

    // Under the lock.
    private bool TryReadSegment(string name, List<RecoveredPath> paths)
    {
        var path = Path.Join(_directory.Path, name);
        if (!JournalDirectory.TryParseName(name, out _, out var salt, out var isSetAside))
        {
            return true; // not a segment
        }

        JournalContent content;
        try
        {
            content = JournalFormat.Read(_files.Read(path), _identity, salt);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Say($"{path} cannot be read, and is left as it is: {e.Message}; what it holds is registered when it can be");
            return false;
        }

        if (content.Version != JournalFormat.Version)
        {
            _damaged.Add(path);
            _log?.Invoke($"{path} is of version {content.Version}, and this program reads {JournalFormat.Version}; it is left as it is: mount once with the program that wrote it");
            return true;
        }

        var segment = new JournalSegment(path, salt, isSetAside)
        {
            Length = content.Records.Sum(static record => (long)record.Path.Length),
            Outstanding = content.Records.Count,
            IsSealed = true,
            IsDamaged = content.Damages.Count > 0,
        };
        foreach (var damage in content.Damages)
        {
            _log?.Invoke(
                $"{path} is damaged from byte {damage.Offset} on, {damage.Length} bytes long: what was added there cannot be read and is to be added again; "
                + "what stands before and behind is registered, and the file is kept");
        }

        if (content.Damages.Count > 0)
        {
            _damaged.Add(path);
        }

        if (content.UnfinishedBytes > 0)
        {
            _log?.Invoke($"{path} ends in {content.UnfinishedBytes} bytes that were being written when the process or the machine ended; they were never acknowledged");
        }

        _segments.Add(segment);
        paths.AddRange(content.Records.Select(record => new RecoveredPath(new JournalEntry(segment), record)));
        RetireWhereDone(segment);
        return true;
    }

    private void Write()
    {
        var batch = new List<Append>();
        while (DedicatedThread.WaitToRead(_appends.Reader, CancellationToken.None))
        {
            batch.Clear();
            while (_appends.Reader.TryRead(out var append))
            {
                batch.Add(append);
            }

            Write(batch.FindAll(static append => append.Reason is null), ref _waiting, isSetAside: false);
            Write(batch.FindAll(static append => append.Reason is not null), ref _aside, isSetAside: true);
        }
    }

    private void Write(List<Append> batch, ref JournalSegment? current, bool isSetAside)
    {
        if (batch.Count == 0)
        {
            return;
        }

        JournalSegment? segment = null;
        try
        {
            segment = Usable(current) ?? Create(isSetAside);
            current = segment;
            ReadOnlyMemory<byte>[] records = [.. batch.Select(append => (ReadOnlyMemory<byte>)append.Encode(segment.Salt))];
            long end;
            lock (_gate)
            {
                // Counted before the bytes are there, so that the segment is not deleted meanwhile.
                end = segment.Length;
                segment.Length += records.Sum(static record => (long)record.Length);
                segment.Outstanding += batch.Count;
            }

            try
            {
                _files.Write(segment.File!, records, end);
                _files.Flush(segment.File!);
            }
            catch
            {
                lock (_gate)
                {
                    segment.Outstanding -= batch.Count;
                }

                throw;
            }

            batch.ForEach(append => append.Done.SetResult(new JournalEntry(segment)));
        }
#pragma warning disable CA1031 // Whatever it is: those who wait are told, and the thread goes on.
        catch (Exception e)
#pragma warning restore CA1031
        {
            lock (_gate)
            {
                // What is on disk of this batch is not known; what was flushed before is, and stays. Nothing more is written behind it.
                if (segment is not null)
                {
                    segment.IsSealed = true;
                    RetireWhereDone(segment);
                }

                _restingSince = _time.GetTimestamp();
                Say($"the journal of added paths in {_directory.Path} cannot be written: {e.Message}; for {RestTime.TotalSeconds:0} s paths are registered before they are acknowledged");
            }

            batch.ForEach(append => append.Done.SetException(new IOException($"the journal cannot be written: {e.Message}", e)));
        }
    }

    private JournalSegment? Usable(JournalSegment? current)
    {
        lock (_gate)
        {
            if (current is null or { IsSealed: true })
            {
                return null;
            }

            if (current.Length < SegmentBytesMax)
            {
                return current;
            }

            current.IsSealed = true;
            RetireWhereDone(current);
            return null;
        }
    }

    private JournalSegment Create(bool isSetAside)
    {
        // Nothing reads the directory while its thread writes: what earlier processes left was listed before the first path came.
        var segment = _directory.Create(isSetAside);
        lock (_gate)
        {
            _segments.Add(segment);
            _trouble = null;
        }

        return segment;
    }

    // Under the lock.
    private void RetireWhereDone(JournalSegment segment)
    {
        if (segment.Outstanding > 0 || (!segment.IsSealed && segment.Length < RecycledBytesMin) || !_segments.Remove(segment))
        {
            return;
        }

        segment.IsSealed = true;
        segment.File?.Dispose();
        if (!segment.IsDamaged)
        {
            _directory.TryDelete(segment.Path, _log);
            return;
        }

        try
        {
            var kept = segment.Path + JournalDirectory.DamagedSuffix;
            _files.Rename(segment.Path, kept);
            _damaged.Remove(segment.Path);
            _damaged.Add(kept);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log?.Invoke($"{segment.Path} cannot be renamed: {e.Message}");
        }
    }

    // Once for each reason. Under the lock.
    private void Say(string trouble)
    {
        if (_trouble != trouble)
        {
            _trouble = trouble;
            _log?.Invoke(trouble);
        }
    }

    private sealed record Append(ReadOnlyMemory<byte> Path, string? Reason)
    {
        public TaskCompletionSource<JournalEntry> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public byte[] Encode(ReadOnlySpan<byte> salt) =>
            Reason is null ? JournalFormat.EncodePath(Path.Span, salt) : JournalFormat.EncodeSetAside(Reason, Path.Span, salt);
    }
}
