using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Requests;

namespace NixFuseStore.Fuse.Replies;

/// <summary>
/// One answer to READDIR or READDIRPLUS, packed into unmanaged memory. Rent it for the request, add entries until
/// <c>TryAdd</c> says no, then hand it to <c>Directory</c>, which gives it back.
/// </summary>
/// <remarks>
/// <code>
/// READDIR:      dirent*            READDIRPLUS:  (entry_out 128 bytes, dirent)*
/// dirent:       u64 inode, u64 cookie, u32 name length, u32 type, name, zeros to a multiple of 8
/// </code>
/// Not for use by two threads at once.
/// </remarks>
public sealed unsafe class DirectoryPage : IDisposable
{
    private readonly byte* _memory;
    private readonly int _room;
    private int _limit;
    private bool _withAttributes;
    private bool _rented;

    internal DirectoryPage(int room)
    {
        _memory = (byte*)NativeMemory.Alloc((nuint)room);
        _room = room;
    }

    /// <summary>Bytes filled so far.</summary>
    public int BytesWritten { get; private set; }

    /// <summary>Whether anything was added.</summary>
    public bool IsEmpty => BytesWritten == 0;

    internal byte* Start => _memory;

    internal int Room => _room;

    /// <summary>Takes a page fit for the request; dispose it, or hand it to <c>Directory</c>.</summary>
    public static DirectoryPage Rent(in ReadDirectoryRequest request)
    {
        var page = DirectoryPagePool.Rent((int)Math.Min(request.Bytes, FuseLimits.ReadBytesMax));
        page._limit = (int)Math.Min(request.Bytes, (uint)page._room);
        page._withAttributes = request.WithAttributes;
        page._rented = true;
        page.BytesWritten = 0;
        return page;
    }

    /// <summary>
    /// Adds "." or "..". A plus listing needs no node for them: their entry is empty, since the kernel would count a
    /// lookup for it otherwise.
    /// </summary>
    /// <returns>False when the page is full; the entry belongs to the next one.</returns>
    public bool TryAddDot(ReadOnlySpan<byte> name, ulong inode, ulong cookie) =>
        TryAdd(name, default, inode, FuseMode.EntryType(FuseMode.Directory), cookie);

    /// <summary>Adds an entry. What a plain listing does not carry is left out.</summary>
    /// <param name="name">1 to 255 bytes.</param>
    /// <param name="entry">Node, timeouts and attributes; the inode number and type of the entry are taken from these.</param>
    /// <param name="cookie">Where to go on after this entry; not 0.</param>
    /// <returns>False when the page is full; the entry belongs to the next one.</returns>
    public bool TryAdd(ReadOnlySpan<byte> name, in FuseEntryOut entry, ulong cookie) =>
        TryAdd(name, entry, entry.Attributes.Inode, FuseMode.EntryType(entry.Attributes.Mode), cookie);

    /// <summary>Adds an entry without a node: in a plus listing the kernel looks it up when it is needed.</summary>
    /// <param name="name">1 to 255 bytes.</param>
    /// <param name="inode">Inode number to show, not 0: the C library takes that for a deleted entry.</param>
    /// <param name="mode">Mode, of which the type is shown.</param>
    /// <param name="cookie">Where to go on after this entry; not 0.</param>
    /// <returns>False when the page is full; the entry belongs to the next one.</returns>
    public bool TryAdd(ReadOnlySpan<byte> name, ulong inode, uint mode, ulong cookie) =>
        TryAdd(name, default, inode, FuseMode.EntryType(mode), cookie);

    /// <summary>Gives the page back. A second call does nothing.</summary>
    public void Dispose()
    {
        if (_rented)
        {
            _rented = false;
            DirectoryPagePool.Return(this);
        }
    }

    /// <summary>Frees the memory of a page that the pool has no room for.</summary>
    internal void Free() => NativeMemory.Free(_memory);

    private bool TryAdd(ReadOnlySpan<byte> name, in FuseEntryOut entry, ulong inode, uint type, ulong cookie)
    {
        ArgumentOutOfRangeException.ThrowIfZero(name.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(name.Length, FuseLimits.NameBytesMax);
        ObjectDisposedException.ThrowIf(!_rented, this);

        // 1. Does it fit? Records are padded to 8 bytes, the last one too.
        var prefix = _withAttributes ? sizeof(FuseEntryOut) : 0;
        var record = (prefix + sizeof(FuseDirent) + name.Length + 7) & ~7;
        if (record > _limit - BytesWritten)
        {
            return false;
        }

        // 2. The lookup's answer, in a plus listing.
        var at = _memory + BytesWritten;
        if (_withAttributes)
        {
            Unsafe.WriteUnaligned(at, entry);
            at += sizeof(FuseEntryOut);
        }

        // 3. The entry, its name, and zeros up to the next one: no stale memory goes to the kernel.
        Unsafe.WriteUnaligned(at, new FuseDirent(inode, cookie, (uint)name.Length, type));
        at += sizeof(FuseDirent);
        name.CopyTo(new Span<byte>(at, name.Length));
        var end = _memory + BytesWritten + record;
        new Span<byte>(at + name.Length, (int)(end - at) - name.Length).Clear();
        BytesWritten += record;
        return true;
    }
}
