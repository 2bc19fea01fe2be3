using Microsoft.Win32.SafeHandles;

namespace NixFuseStore.Storage.Blobs;

/// <summary>
/// Open files for reading, the least recently used of which is closed when there are too many. A handle may be closed while a caller
/// is about to read: then the read throws <see cref="ObjectDisposedException"/> and the caller asks again. (A read that has begun ends well.)
/// </summary>
internal sealed class FileHandleCache(int capacity) : IDisposable
{
    // Guards both collections; the list has the most recently used first.
    private readonly Lock _gate = new();
    private readonly Dictionary<string, LinkedListNode<(string Path, SafeFileHandle Handle)>> _byPath = [];
    private readonly LinkedList<(string Path, SafeFileHandle Handle)> _byUse = [];

    public bool IsDisposed { get; private set; }

    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public SafeFileHandle Get(string path)
    {
        SafeFileHandle? evicted = null;
        try
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(IsDisposed, this);
                if (_byPath.TryGetValue(path, out var node))
                {
                    _byUse.Remove(node);
                    _byUse.AddFirst(node);
                    return node.Value.Handle;
                }

                var handle = Open(path);
                _byPath[path] = _byUse.AddFirst((path, handle));
                if (_byUse.Count > capacity && _byUse.Last is { } last)
                {
                    evicted = last.Value.Handle;
                    _byPath.Remove(last.Value.Path);
                    _byUse.RemoveLast();
                }

                return handle;
            }
        }
        finally
        {
            evicted?.Dispose();
        }
    }

    public void Remove(string path)
    {
        lock (_gate)
        {
            if (_byPath.Remove(path, out var node))
            {
                _byUse.Remove(node);
                node.Value.Handle.Dispose();
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            IsDisposed = true;
            foreach (var (_, handle) in _byUse)
            {
                handle.Dispose();
            }

            _byUse.Clear();
            _byPath.Clear();
        }
    }

    private static SafeFileHandle Open(string path)
    {
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.RandomAccess);
        }
        catch (DirectoryNotFoundException exception)
        {
            throw new FileNotFoundException($"There is no pack {path}.", path, exception);
        }
    }
}
