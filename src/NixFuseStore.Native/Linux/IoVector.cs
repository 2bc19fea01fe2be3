using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Linux;

/// <summary>
/// A range of memory for vectored I/O (<c>struct iovec</c>). It does not own what it points to: the giver keeps
/// the memory allocated and, where it is managed, pinned until the call that takes the vector says it is done.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public readonly unsafe struct IoVector
{
    private readonly void* _base;
    private readonly nuint _length;

    /// <summary>Describes <paramref name="length"/> bytes from <paramref name="start"/> on.</summary>
    public IoVector(void* start, nuint length)
    {
        _base = start;
        _length = length;
    }

    /// <summary>The first byte.</summary>
    public void* Start => _base;

    /// <summary>How many bytes.</summary>
    public nuint Length => _length;

    /// <summary>The bytes, for ranges below 2 GiB.</summary>
    public ReadOnlySpan<byte> Span => new(_base, checked((int)_length));
}
