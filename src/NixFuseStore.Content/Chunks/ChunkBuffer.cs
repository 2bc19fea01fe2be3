using System.Diagnostics;
using System.Runtime.InteropServices;

namespace NixFuseStore.Content;

/// <summary>
/// The plain bytes of one chunk in unmanaged memory, shared by counting references.
/// </summary>
/// <remarks>
/// Born with one reference, which belongs to the caller of <see cref="Allocate"/>. Code that keeps the buffer beyond the call that
/// handed it over takes a reference first (<see cref="TryAddReference"/>); all give back exactly what they took
/// (<see cref="Release"/>), and the last one frees the memory. The address never moves, so it can be handed to the kernel.
/// The bytes may be written until the buffer is shared; afterwards they are read-only by agreement. All members may be called from any thread.
/// </remarks>
public sealed unsafe class ChunkBuffer
{
    private static long s_allocatedBytes;

    private readonly byte* _pointer;
    private int _references = 1;

    private ChunkBuffer(byte* pointer, int length)
    {
        _pointer = pointer;
        Length = length;
    }

    /// <summary>Unmanaged bytes held by all living buffers of this process.</summary>
    public static long AllocatedBytes => Volatile.Read(ref s_allocatedBytes);

    /// <summary>Bytes in the buffer.</summary>
    public int Length { get; }

#pragma warning disable CA1720 // "Pointer" is what it is: a type name, but also the plain word for the thing.
    /// <summary>Address of the first byte; valid while the caller holds a reference.</summary>
    public byte* Pointer
    {
        get
        {
            Debug.Assert(Volatile.Read(ref _references) > 0, "The chunk buffer was released.");
            return _pointer;
        }
    }
#pragma warning restore CA1720

    /// <summary>The bytes; valid while the caller holds a reference.</summary>
    public Span<byte> Span => new(Pointer, Length);

    /// <summary>Allocates a buffer with undefined content and one reference.</summary>
    /// <param name="length">Bytes, at least 0.</param>
    /// <exception cref="OutOfMemoryException">The system has no more memory.</exception>
    public static ChunkBuffer Allocate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        var pointer = (byte*)NativeMemory.Alloc((nuint)Math.Max(length, 1));
        Interlocked.Add(ref s_allocatedBytes, length);
        return new ChunkBuffer(pointer, length);
    }

    /// <summary>
    /// Takes another reference, unless the last one is already gone, which a table that holds none of its own must expect.
    /// </summary>
    public bool TryAddReference()
    {
        var seen = Volatile.Read(ref _references);
        while (seen > 0)
        {
            var before = Interlocked.CompareExchange(ref _references, seen + 1, seen);
            if (before == seen)
            {
                return true;
            }

            seen = before;
        }

        return false;
    }

    /// <summary>Gives one reference back; the last one frees the memory.</summary>
    /// <exception cref="ObjectDisposedException">More references were given back than taken.</exception>
    public void Release()
    {
        var left = Interlocked.Decrement(ref _references);
        ObjectDisposedException.ThrowIf(left < 0, this);
        if (left == 0)
        {
            NativeMemory.Free(_pointer);
            Interlocked.Add(ref s_allocatedBytes, -Length);
        }
    }
}
