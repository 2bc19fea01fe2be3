using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

/// <summary>Head of every request.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseInHeader( // fuse_in_header
    uint Bytes, FuseOpcode Opcode, ulong Unique, ulong Node, uint UserId, uint GroupId, uint ProcessId, ushort ExtensionUnits, ushort Padding)
{
    /// <summary>FUSE_UNIQUE_RESEND: the request was sent before (Linux 6.9). The answer must carry the mark too.</summary>
    public const ulong ResentMark = 1UL << 63;
}
