using Microsoft.Win32.SafeHandles;

namespace NixFuseStore.Cache.Devices;

/// <summary>One file of the log. Writes come from one thread; reads from any, also during and after <see cref="Delete"/>.</summary>
internal sealed class SegmentFile : IDisposable
{
    private readonly string _path;
    private readonly Action<string>? _fault;
    private readonly Lock _lock = new();
    private SafeFileHandle? _handle;
    private bool _disposed;
    private bool _isDirty;
    private long _length;

    /// <summary>Opens nothing yet.</summary>
    /// <param name="path">The file.</param>
    /// <param name="fault">For tests: runs before the file is opened or read, with its path; what it throws is the disk's failure.</param>
    /// <exception cref="IOException">Whether the file is there cannot be told.</exception>
    public SegmentFile(string path, Action<string>? fault)
    {
        _path = path;
        _fault = fault;
        try
        {
            // Not FileInfo.Exists, which also says no where the file system gave an error.
            _length = new FileInfo(path).Length;
        }
        catch (Exception absent) when (absent is FileNotFoundException or DirectoryNotFoundException)
        {
            _length = 0;
        }
    }

    /// <summary>Bytes of the file.</summary>
    public long Length => Volatile.Read(ref _length);

    /// <summary>Reads until the destination is full or the file ends.</summary>
    /// <returns>Bytes read.</returns>
    /// <exception cref="IOException">The disk does not give it now.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed or deleted.</exception>
    public int Read(long offset, Span<byte> destination)
    {
        if (Length == 0)
        {
            return 0;
        }

        var handle = Open();
        _fault?.Invoke(_path);
        var got = 0;
        while (got < destination.Length)
        {
            var more = RandomAccess.Read(handle, destination[got..], offset + got);
            if (more == 0)
            {
                break;
            }

            got += more;
        }

        return got;
    }

    /// <exception cref="IOException">The disk is full or broken; a part may have been written.</exception>
    public void Write(long offset, ReadOnlySpan<byte> source)
    {
        var handle = Open();
        Volatile.Write(ref _isDirty, true);
        RandomAccess.Write(handle, source, offset);
        Volatile.Write(ref _length, Math.Max(_length, offset + source.Length));
    }

    /// <summary>Brings everything to the disk.</summary>
    public void FlushToDisk()
    {
        var handle = _handle;
        if (Volatile.Read(ref _isDirty) && handle is not null)
        {
            Volatile.Write(ref _isDirty, false);
            try
            {
                RandomAccess.FlushToDisk(handle);
            }
            catch
            {
                Volatile.Write(ref _isDirty, true);
                throw;
            }
        }
    }

    /// <summary>Closes and deletes the file. Reads that are under way end well.</summary>
    public void Delete()
    {
        Dispose();
        File.Delete(_path);
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _handle?.Dispose();
            _handle = null;
        }
    }

    private SafeFileHandle Open()
    {
        if (Volatile.Read(ref _handle) is { } handle)
        {
            return handle;
        }

        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_handle is null)
            {
                _fault?.Invoke(_path);
                _handle = File.OpenHandle(_path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            }

            return _handle;
        }
    }
}
