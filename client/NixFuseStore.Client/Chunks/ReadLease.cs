using System.Runtime.CompilerServices;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Chunks;

/// <summary>
/// Bytes of a file as segments of pinned memory. The lease owns a reference to each chunk it points into; <see cref="Dispose"/> gives
/// them back, exactly once, and the segments must not be touched afterwards. Leases are pooled: keep no reference to a disposed one.
/// </summary>
public sealed class ReadLease : IDisposable
{
    private const int PooledMax = 64;
    private static readonly Lock PoolLock = new();
    private static readonly ReadLease?[] Pool = new ReadLease?[PooledMax];
    private static int _pooled;

    private ReadSegment[] _segments = new ReadSegment[8];
    private ChunkBuffer[] _owners = new ChunkBuffer[8];
    private int _count;

    private ReadLease()
    {
    }

    /// <summary>The segments in file order; none for an empty read.</summary>
    public ReadOnlySpan<ReadSegment> Segments => _segments.AsSpan(0, _count);

    /// <summary>Sum of the segments' lengths, bytes.</summary>
    public int Length { get; private set; }

    /// <summary>Copies all bytes to a buffer of at least <see cref="Length"/> bytes.</summary>
    public void CopyTo(Span<byte> destination)
    {
        foreach (ref readonly var segment in Segments)
        {
            segment.Span.CopyTo(destination);
            destination = destination[(int)segment.Length..];
        }
    }

    /// <summary>Gives the chunks back and returns the lease to its pool.</summary>
    public void Dispose()
    {
        Clear();
        lock (PoolLock)
        {
            if (_pooled < PooledMax)
            {
                Pool[_pooled++] = this;
            }
        }
    }

    internal static ReadLease Rent()
    {
        lock (PoolLock)
        {
            if (_pooled > 0)
            {
                var lease = Pool[--_pooled]!;
                Pool[_pooled] = null;
                return lease;
            }
        }

        return new ReadLease();
    }

    /// <summary>Appends part of a chunk; takes over the caller's reference to it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal unsafe void Append(ChunkBuffer chunk, int start, int length)
    {
        if (_count == _segments.Length)
        {
            Array.Resize(ref _segments, _count * 2);
            Array.Resize(ref _owners, _count * 2);
        }

        _segments[_count] = new ReadSegment((nint)chunk.Pointer + start, length);
        _owners[_count++] = chunk;
        Length += length;
    }

    private void Clear()
    {
        for (var i = 0; i < _count; i++)
        {
            _owners[i].Release();
            _owners[i] = null!;
        }

        _count = 0;
        Length = 0;
    }
}
