using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

/// <summary>Our answer to the offer (since 7.23).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuseInitOut // fuse_init_out
{
    public uint Major;
    public uint Minor;
    public uint ReadAheadBytesMax;
    public uint Flags;
    public ushort BackgroundRequestsMax;
    public ushort CongestionThreshold;
    public uint WriteBytesMax;
    public uint TimeGranularity;
    public ushort PagesMax;
    public ushort MapAlignment;
    public uint FlagsHigh;
    public UnusedWords Unused;

    /// <summary>max_stack_depth, request_timeout and reserve: none of them used.</summary>
    [InlineArray(7)]
    internal struct UnusedWords
    {
        private uint _first;
    }
}
