using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

/// <summary>Attributes of a file, laid out as the kernel reads them.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseAttr // fuse_attr
{
    /// <summary>Inode number shown to programs; need not be the node id.</summary>
    public ulong Inode { get; set; }

    /// <summary>Size in bytes. For a symbolic link exactly the length of its target: the kernel trusts it when it caches links.</summary>
    public ulong Size { get; set; }

    /// <summary>Space used, in units of 512 bytes.</summary>
    public ulong Blocks { get; set; }

    /// <summary>Last access, seconds since 1970.</summary>
    public ulong AccessSeconds { get; set; }

    /// <summary>Last change of content, seconds since 1970.</summary>
    public ulong ModifySeconds { get; set; }

    /// <summary>Last change of attributes, seconds since 1970.</summary>
    public ulong ChangeSeconds { get; set; }

    /// <summary>Nanoseconds of <see cref="AccessSeconds"/>.</summary>
    public uint AccessNanoseconds { get; set; }

    /// <summary>Nanoseconds of <see cref="ModifySeconds"/>.</summary>
    public uint ModifyNanoseconds { get; set; }

    /// <summary>Nanoseconds of <see cref="ChangeSeconds"/>.</summary>
    public uint ChangeNanoseconds { get; set; }

    /// <summary>File type and permissions; see <see cref="FuseMode"/>.</summary>
    public uint Mode { get; set; }

    /// <summary>Number of hard links.</summary>
    public uint Links { get; set; }

    /// <summary>Owner.</summary>
    public uint UserId { get; set; }

    /// <summary>Group.</summary>
    public uint GroupId { get; set; }

    /// <summary>Device number of a device node.</summary>
    public uint Device { get; set; }

    /// <summary>Preferred size of reads, in bytes; 0 leaves it to the kernel (a page).</summary>
    public uint BlockSize { get; set; }

    /// <summary>FUSE_ATTR_ flags; 0 here.</summary>
    public uint Flags { get; set; }
}
