using System.Threading.Channels;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Client.Pushing;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Client.Writing;

/// <summary>
/// Keeps paths on local disk from when they are answered until they are registered. Whoever appends at the same moment shares one flush. A
/// thread of its own writes, from the first path on. All members may be called from any thread.
/// </summary>
internal sealed class PathJournal : IAsyncDisposable
{
    private const string FileName = "paths";

    /// <summary>A longer file takes no more until all of it is registered and it is cut.</summary>
    private const long FileBytesMax = 256L << 20;

    private readonly string _directory;
    private readonly byte[] _header;
    private readonly Action<string>? _log;
    private readonly Channel<Append> _appends = Channel.CreateUnbounded<Append>();
    private readonly Lock _gate = new();
    private SafeFileHandle? _file;
    private Task _writing = Task.CompletedTask;

    // Guarded by _gate.
    private long _end;
    private int _outstanding;
    private bool _started;
    private bool _closed;

    /// <summary>A journal in a directory, which is made when the first path comes.</summary>
    /// <param name="directory">Used by nobody else.</param>
    /// <param name="identity">What the paths belong to.</param>
    /// <param name="log">Told in one line what an operator should know; may be null.</param>
    public PathJournal(string directory, string identity, Action<string>? log)
    {
        _directory = directory;
        _header = JournalFormat.EncodeHeader(identity);
        _log = log;
    }

    /// <summary>Whether it takes paths: not when it is full, or the disk has failed.</summary>
    public bool IsOpen
    {
        get
        {
            lock (_gate)
            {
                return !_closed && _end < FileBytesMax;
            }
        }
    }

    private string FilePath => Path.Join(_directory, FileName);

    /// <summary>What an earlier process left, in its order. To be called once, before anything else; each is <see cref="Complete"/>d like one appended.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public IReadOnlyList<ReadOnlyMemory<byte>> Recover()
    {
        if (!File.Exists(FilePath))
        {
            return [];
        }

        ReadOnlyMemory<byte> bytes = File.ReadAllBytes(FilePath);
        if (!bytes.Span.StartsWith(_header))
        {
            if (bytes.Length > _header.Length || !_header.AsSpan().StartsWith(bytes.Span))
            {
                _log?.Invoke($"the journal {FilePath} belongs to another store, or is of another version; it is kept as {FileName}.other");
                File.Move(FilePath, FilePath + ".other", overwrite: true);
            }

            return [];
        }

        var records = new List<ReadOnlyMemory<byte>>();
        var at = _header.Length;
        while (JournalFormat.TryReadRecord(bytes[at..], out var payload, out var length))
        {
            records.Add(payload);
            at += length;
        }

        _file = File.OpenHandle(FilePath, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.SetLength(_file, at);
        _end = at;
        _outstanding = records.Count;
        return records;
    }

    /// <summary>Ends when the payload is on disk.</summary>
    /// <exception cref="IOException">It is not: the disk is full, or has failed.</exception>
    public Task AppendAsync(ReadOnlySpan<byte> payload)
    {
        var append = new Append(JournalFormat.EncodeRecord(payload));
        lock (_gate)
        {
            if (_closed)
            {
                throw new IOException("the journal is closed");
            }

            _outstanding++;
            if (!_started)
            {
                _started = true;
                _writing = DedicatedThread.RunAsync(Write);
            }
        }

        _appends.Writer.TryWrite(append);
        return append.Done.Task;
    }

    /// <summary>A path that was appended or recovered is registered, or never will be. With the last one the file is emptied.</summary>
    public void Complete()
    {
        lock (_gate)
        {
            if (--_outstanding == 0 && _file is not null && !_closed)
            {
                RandomAccess.SetLength(_file, _header.Length);
                _end = _header.Length;
            }
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
        _file?.Dispose();
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

            try
            {
                Write(batch);
                batch.ForEach(static append => append.Done.SetResult());
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // What is on disk now is not known, so nothing more is answered from here. The paths go to the server as all others do.
                lock (_gate)
                {
                    _closed = true;
                }

                _log?.Invoke($"the journal {FilePath} cannot be written, and is not used any more: {e.Message}");
                batch.ForEach(append => append.Done.SetException(new IOException($"the journal cannot be written: {e.Message}", e)));
            }
        }
    }

    private void Write(List<Append> batch)
    {
        var file = _file ?? Create();
        long end;
        lock (_gate)
        {
            // Taken before the bytes are there: the file is not cut while any of them are outstanding.
            end = _end;
            _end += batch.Sum(static append => (long)append.Record.Length);
        }

        RandomAccess.Write(file, [.. batch.Select(static append => (ReadOnlyMemory<byte>)append.Record)], end);
        RandomAccess.FlushToDisk(file);
    }

    private SafeFileHandle Create()
    {
        Directory.CreateDirectory(_directory);
        var file = File.OpenHandle(FilePath, FileMode.Create, FileAccess.ReadWrite);
        RandomAccess.Write(file, _header, 0);
        RandomAccess.FlushToDisk(file);
        DirectorySync.Flush(_directory);
        lock (_gate)
        {
            _file = file;
            _end = _header.Length;
        }

        return file;
    }

    private sealed record Append(byte[] Record)
    {
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
