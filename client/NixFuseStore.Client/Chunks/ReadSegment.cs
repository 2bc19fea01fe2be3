using System.Runtime.InteropServices;

namespace NixFuseStore.Client.Chunks;

/// <summary>A piece of pinned memory, laid out as the kernel's <c>struct iovec</c>, so that segments can be handed to writev as they are.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct ReadSegment
{
    /// <summary>A piece of <paramref name="length"/> bytes at <paramref name="address"/>.</summary>
    public ReadSegment(nint address, nint length)
    {
        Address = address;
        Length = length;
    }

    /// <summary>Address of the first byte.</summary>
    public nint Address { get; }

    /// <summary>Length in bytes.</summary>
    public nint Length { get; }

    /// <summary>The bytes; valid as long as the lease.</summary>
    public unsafe ReadOnlySpan<byte> Span => new((void*)Address, (int)Length);
}
