namespace NixFuseStore.FileSystem.Nodes;

/// <summary>
/// The file of a <see cref="NodeIdTable"/>: a head and records behind it, appended in whole writes, not synced. Not thread-safe.
/// </summary>
internal sealed class NodeIdFile : IDisposable
{
    private readonly string _path;
    private readonly Action<string>? _notice;
    private FileStream _file;
    private long _end;

    private NodeIdFile(string path, FileStream file, Action<string>? notice)
    {
        _path = path;
        _file = file;
        _notice = notice;
    }

    /// <summary>Whether the last append failed.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Opens or makes the file.</summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static NodeIdFile Open(string path, Action<string>? notice) => new(path, OpenStream(path), notice);

    /// <summary>The records, and how many bytes of something else were dropped because the head is not of this version.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="HeadNotWrittenException">It could not be begun.</exception>
    public (ReadOnlyMemory<byte> Records, int Dropped) Read()
    {
        // Everything in one read: a record has about 130 bytes, and a file that has grown large is made small.
        var bytes = new byte[_file.Length];
        _file.ReadExactly(bytes);
        if (bytes.AsSpan().StartsWith(NodeIdRecord.FileHead))
        {
            _end = bytes.Length;
            return (bytes.AsMemory(NodeIdRecord.FileHead.Length), 0);
        }

        if (bytes.Length > 0)
        {
            _notice?.Invoke($"{_path} is not a slot file of this version; starting it anew");
        }

        _file.SetLength(0);
        _file.Position = 0;
        try
        {
            _file.Write(NodeIdRecord.FileHead);
        }
        catch (IOException e)
        {
            throw new HeadNotWrittenException(e);
        }

        _end = NodeIdRecord.FileHead.Length;
        return (default, bytes.Length);
    }

    /// <summary>Drops the last bytes, which are damaged.</summary>
    public void DropTail(int bytes)
    {
        _notice?.Invoke($"{_path} ends in {bytes} damaged bytes; they are dropped");
        _end -= bytes;
        _file.SetLength(_end);
    }

    /// <summary>Appends bytes, at the known end: what a failed write left behind is written over. False where that fails, which is told once.</summary>
    public bool TryAppend(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _file.Position = _end;
            _file.Write(bytes);
            _end += bytes.Length;
            HasFailed = false;
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            if (!HasFailed)
            {
                // Once per outage.
                _notice?.Invoke($"cannot write {_path}: {exception.Message}; node ids of new paths will not outlive this process");
            }

            HasFailed = true;
            return false;
        }
    }

    /// <summary>Puts a new file with these records in the place of the old one; where that fails, the old one stays.</summary>
    public void Replace(ReadOnlySpan<byte> records)
    {
        var newPath = _path + ".new";
        try
        {
            using (var file = new FileStream(newPath, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                file.Write(NodeIdRecord.FileHead);
                file.Write(records);
                file.Flush(flushToDisk: true);
            }

            File.Move(newPath, _path, overwrite: true);
        }
        catch (IOException e)
        {
            _notice?.Invoke($"cannot make {_path} smaller: {e.Message}; it stays as it is");
            TryDelete(newPath);
            return;
        }

        _file.Dispose();
        _file = OpenStream(_path);
        _end = _file.Length;
    }

    public void Dispose() => _file.Dispose();

    // Unbuffered: each batch is one write, and never sits in this process.
    private static FileStream OpenStream(string path) => new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (IOException)
        {
            // It is written over the next time.
        }
    }
}

/// <summary>A new file could not even be begun.</summary>
internal sealed class HeadNotWrittenException(IOException cause) : IOException(cause.Message, cause);
