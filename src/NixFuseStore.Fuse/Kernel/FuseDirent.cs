using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

/// <summary>Head of a directory entry; the name follows, padded to 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseDirent(ulong Inode, ulong Cookie, uint NameBytes, uint Type); // fuse_dirent
