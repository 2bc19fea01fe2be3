using System.Diagnostics.CodeAnalysis;
using NixFuseStore.Content;

namespace NixFuseStore.Cache;

/// <summary>
/// The chunks used last, in unmanaged memory, up to a number of bytes. It holds one reference of each of its chunks; a chunk that was
/// handed out lives on after it fell out of here. All members may be called from any thread.
/// </summary>
public sealed class ChunkMemory : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ChunkId, LinkedListNode<(ChunkId Id, ChunkBuffer Buffer)>> _nodes = [];
    private readonly LinkedList<(ChunkId Id, ChunkBuffer Buffer)> _order = new(); // first: used last
    private long _bytes;
    private long _hits;
    private long _misses;
    private bool _disposed;

    /// <summary>Makes an empty memory.</summary>
    /// <param name="bytesMax">Most bytes held; a chunk larger than an eighth of it is not kept.</param>
    public ChunkMemory(long bytesMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytesMax);
        BytesMax = bytesMax;
    }

    /// <summary>Most bytes held.</summary>
    public long BytesMax { get; }

    /// <summary>Bytes held.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Lookups that found their chunk.</summary>
    public long Hits => Volatile.Read(ref _hits);

    /// <summary>Lookups that did not.</summary>
    public long Misses => Volatile.Read(ref _misses);

    /// <summary>Chunks held.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _nodes.Count;
            }
        }
    }

    /// <summary>Finds a chunk and counts it as used. The caller releases it.</summary>
    public bool TryGet(in ChunkId id, [NotNullWhen(true)] out ChunkBuffer? chunk)
    {
        lock (_lock)
        {
            // A node's buffer has this table's own reference, so another one can always be taken.
            if (_nodes.TryGetValue(id, out var node) && node.Value.Buffer.TryAddReference())
            {
                if (_order.First != node)
                {
                    _order.Remove(node);
                    _order.AddFirst(node);
                }

                chunk = node.Value.Buffer;
                _hits++;
                return true;
            }

            _misses++;
        }

        chunk = null;
        return false;
    }

    /// <summary>Whether the chunk is held; does not count as use.</summary>
    public bool Contains(in ChunkId id)
    {
        lock (_lock)
        {
            return _nodes.ContainsKey(id);
        }
    }

    /// <summary>Keeps a verified chunk, taking its own reference; what was not used for longest makes room. A chunk already held is only counted as used.</summary>
    public void Add(in ChunkId id, ChunkBuffer chunk)
    {
        ArgumentNullException.ThrowIfNull(chunk);
        if (chunk.Length > BytesMax / 8)
        {
            return;
        }

        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            if (_nodes.TryGetValue(id, out var present))
            {
                _order.Remove(present);
                _order.AddFirst(present);
                return;
            }

            if (!chunk.TryAddReference())
            {
                return;
            }

            _nodes.Add(id, _order.AddFirst((id, chunk)));
            _bytes += chunk.Length;
            while (_bytes > BytesMax)
            {
                RemoveLast();
            }
        }
    }

    /// <summary>Lets all chunks go, and keeps none from now on.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            while (_order.Count > 0)
            {
                RemoveLast();
            }
        }
    }

    /// <summary>Under the lock.</summary>
    private void RemoveLast()
    {
        var last = _order.Last!;
        _order.RemoveLast();
        _nodes.Remove(last.Value.Id);
        _bytes -= last.Value.Buffer.Length;
        last.Value.Buffer.Release();
    }
}
