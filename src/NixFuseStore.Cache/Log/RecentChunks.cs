using System.Diagnostics.CodeAnalysis;
using NixFuseStore.Content;

namespace NixFuseStore.Cache.Log;

/// <summary>
/// The chunks appended last, by address, so that they can be read before they are written, and without a disk for a while after that. It holds
/// a reference of each. One thread adds and trims; any reads.
/// </summary>
/// <param name="bytesMax">Most bytes of chunks that are written already.</param>
internal sealed class RecentChunks(long bytesMax) : IDisposable
{
    /// <summary>What a chunk costs beyond its bytes, so that many tiny ones keep to the limit as well.</summary>
    private const int OverheadBytes = 160;

    private readonly Lock _lock = new();
    private readonly Dictionary<long, (ChunkId Id, ChunkBuffer Chunk)> _chunks = [];
    private readonly Queue<long> _order = new();
    private long _bytes;
    private long _from = long.MaxValue; // nothing lies before
    private bool _disposed;

    /// <summary>Takes a reference of its own.</summary>
    public void Add(long address, in ChunkId id, ChunkBuffer chunk)
    {
        lock (_lock)
        {
            if (_disposed || !chunk.TryAddReference())
            {
                return;
            }

            _chunks.Add(address, (id, chunk));
            _order.Enqueue(address);
            _bytes += chunk.Length + OverheadBytes;
            Volatile.Write(ref _from, Math.Min(_from, address));
        }
    }

    /// <summary>The chunk at an address, whatever its name; the caller releases it.</summary>
    public bool TryGet(long address, out ChunkId id, [NotNullWhen(true)] out ChunkBuffer? chunk)
    {
        id = default;
        chunk = null;
        if (address < Volatile.Read(ref _from))
        {
            return false;
        }

        lock (_lock)
        {
            if (!_chunks.TryGetValue(address, out var found) || !found.Chunk.TryAddReference())
            {
                return false;
            }

            (id, chunk) = found;
            return true;
        }
    }

    /// <summary>Lets the oldest go that are written and too many.</summary>
    public void Trim(long flushedUntil)
    {
        lock (_lock)
        {
            while (_bytes > bytesMax && _order.TryPeek(out var oldest))
            {
                var chunk = _chunks[oldest].Chunk;
                if (oldest + chunk.Length > flushedUntil)
                {
                    break;
                }

                RemoveOldest(chunk);
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            while (_order.TryPeek(out var oldest))
            {
                RemoveOldest(_chunks[oldest].Chunk);
            }
        }
    }

    // Under the lock.
    private void RemoveOldest(ChunkBuffer chunk)
    {
        _chunks.Remove(_order.Dequeue());
        _bytes -= chunk.Length + OverheadBytes;
        Volatile.Write(ref _from, _order.TryPeek(out var next) ? next : long.MaxValue);
        chunk.Release();
    }
}
