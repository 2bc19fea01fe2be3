using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

/// <summary>Figures of a whole file system, as statfs(2) reports them.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseStatFs // fuse_kstatfs
{
    /// <summary>Size, in fragments.</summary>
    public ulong Blocks { get; set; }

    /// <summary>Free, in fragments.</summary>
    public ulong BlocksFree { get; set; }

    /// <summary>Free for ordinary users, in fragments.</summary>
    public ulong BlocksAvailable { get; set; }

    /// <summary>Number of inodes.</summary>
    public ulong Files { get; set; }

    /// <summary>Number of free inodes.</summary>
    public ulong FilesFree { get; set; }

    /// <summary>Preferred size of I/O, in bytes.</summary>
    public uint BlockSize { get; set; }

    /// <summary>Longest name, in bytes.</summary>
    public uint NameBytesMax { get; set; }

    /// <summary>Size of a fragment, in bytes.</summary>
    public uint FragmentSize { get; set; }

    private readonly uint _padding; // the kernel's struct ends with these two
    private readonly Spare _spare;

    [InlineArray(6)]
    private struct Spare
    {
        private uint _first;
    }
}
