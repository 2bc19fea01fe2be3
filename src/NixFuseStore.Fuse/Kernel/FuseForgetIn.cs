using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseForgetIn(ulong Lookups); // fuse_forget_in
