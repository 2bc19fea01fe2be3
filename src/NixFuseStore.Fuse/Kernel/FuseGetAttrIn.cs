using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseGetAttrIn(uint Flags, uint Padding, ulong Handle); // fuse_getattr_in
