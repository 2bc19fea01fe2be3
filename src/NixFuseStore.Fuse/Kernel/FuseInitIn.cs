using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

/// <summary>The kernel's offer. Kernels before 7.36 send only the first <see cref="BytesMin"/> bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseInitIn // fuse_init_in
{
    /// <summary>Up to and without flags2.</summary>
    public const int BytesMin = 16;

    public uint Major;
    public uint Minor;
    public uint ReadAheadBytesMax;
    public uint Flags;
    public uint FlagsHigh;
    public UnusedWords Unused;

    [InlineArray(11)]
    internal struct UnusedWords
    {
        private uint _first;
    }
}
