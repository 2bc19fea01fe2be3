
namespace NixFuseStore.Client.Trees;

/// <summary>
/// Bounds the memory of opened manifests. What was not touched for longest goes first, by second chance; it is opened again from the metadata
/// cache when it is wanted. Any thread.
/// </summary>
internal sealed class ContentMemory(long bytesMax)
{
    private readonly Lock _gate = new();
    private readonly Queue<(PathHandle Handle, object Loaded, long Bytes)> _loaded = new();
    private long _bytes;

    /// <summary>Bytes of all that is open.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Notes that a handle's tree or content was opened and takes so many bytes.</summary>
    public void Add(PathHandle handle, object loaded, long bytes)
    {
        lock (_gate)
        {
            _loaded.Enqueue((handle, loaded, bytes));
            _bytes += bytes;

            // Once round at most for second chances; the newest always stays.
            for (var chances = _loaded.Count; _bytes > bytesMax && _loaded.Count > 1; chances--)
            {
                var oldest = _loaded.Dequeue();
                if (oldest.Handle == handle || (chances > 0 && oldest.Handle.TakeTouched()))
                {
                    _loaded.Enqueue(oldest);
                    if (chances <= -_loaded.Count)
                    {
                        break;
                    }

                    continue;
                }

                oldest.Handle.Unload(oldest.Loaded);
                _bytes -= oldest.Bytes;
            }
        }
    }

    /// <summary>Closes what is open of some handles.</summary>
    public void Release(IReadOnlyCollection<PathHandle> handles)
    {
        var released = handles.ToHashSet();
        lock (_gate)
        {
            for (var left = _loaded.Count; left > 0; left--)
            {
                var one = _loaded.Dequeue();
                if (released.Contains(one.Handle))
                {
                    one.Handle.Unload(one.Loaded);
                    _bytes -= one.Bytes;
                }
                else
                {
                    _loaded.Enqueue(one);
                }
            }
        }
    }
}
