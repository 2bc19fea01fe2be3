using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

/// <summary>Argument of READ, READDIR and READDIRPLUS; for the latter two the offset is the cookie.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseReadIn( // fuse_read_in
    ulong Handle, ulong Offset, uint Bytes, uint ReadFlags, ulong LockOwner, uint Flags, uint Padding);
