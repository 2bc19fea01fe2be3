using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Requests;

/// <summary>Takes a request apart. Nothing is believed about its length: what is missing makes a Try method say no.</summary>
internal ref struct RequestReader
{
    private ReadOnlySpan<byte> _rest;

    private RequestReader(FuseInHeader header, ReadOnlySpan<byte> rest)
    {
        Header = header;
        _rest = rest;
    }

    public FuseInHeader Header { get; }

    public readonly FuseCaller Caller => new(Header.UserId, Header.GroupId, Header.ProcessId);

    public readonly int BytesLeft => _rest.Length;

    /// <summary>False when there is not even a whole header, so that there is no id to answer to.</summary>
    public static bool TryOpen(ReadOnlySpan<byte> message, out RequestReader reader)
    {
        if (message.Length < Unsafe.SizeOf<FuseInHeader>())
        {
            reader = default;
            return false;
        }

        var header = MemoryMarshal.Read<FuseInHeader>(message);
        reader = new RequestReader(header, message[Unsafe.SizeOf<FuseInHeader>()..]);
        return true;
    }

    /// <summary>Whether the header states the length that really came.</summary>
    public readonly bool IsWhole => Header.Bytes == _rest.Length + Unsafe.SizeOf<FuseInHeader>();

    /// <summary>Takes a struct.</summary>
    public bool TryRead<T>(out T value)
        where T : unmanaged
    {
        if (!MemoryMarshal.TryRead(_rest, out value))
        {
            return false;
        }

        _rest = _rest[Unsafe.SizeOf<T>()..];
        return true;
    }

    /// <summary>Passes over so many bytes, if they are there.</summary>
    public bool TrySkip(int bytes)
    {
        if (_rest.Length < bytes)
        {
            return false;
        }

        _rest = _rest[bytes..];
        return true;
    }

    /// <summary>Takes as much of a struct as there is; the rest of it is zero. For structs that grew over time.</summary>
    public T ReadGrown<T>()
        where T : unmanaged
    {
        T value = default;
        var bytes = Math.Min(_rest.Length, Unsafe.SizeOf<T>());
        _rest[..bytes].CopyTo(MemoryMarshal.AsBytes(new Span<T>(ref value)));
        _rest = _rest[bytes..];
        return value;
    }

    /// <summary>
    /// The same for LOOKUP, where "/" stands for ".". A file that the kernel found by its handle has a dentry without a name, which the kernel
    /// calls "/" and takes for its own parent (d_alloc_anon); under that name overlayfs revalidates it.
    /// </summary>
    public Errno ReadNameOrSelf(out ReadOnlySpan<byte> name)
    {
        if (_rest.StartsWith("/\0"u8))
        {
            name = "."u8;
            _rest = _rest[2..];
            return Errno.None;
        }

        return ReadName(out name);
    }

    /// <summary>Takes a name up to its terminator; None, or why there is no usable one.</summary>
    public Errno ReadName(out ReadOnlySpan<byte> name)
    {
        name = default;
        var length = _rest.IndexOf((byte)0);
        if (length <= 0 || _rest[..length].Contains((byte)'/'))
        {
            return Errno.EINVAL;
        }

        if (length > FuseLimits.NameBytesMax)
        {
            return Errno.ENAMETOOLONG;
        }

        name = _rest[..length];
        _rest = _rest[(length + 1)..];
        return Errno.None;
    }
}
