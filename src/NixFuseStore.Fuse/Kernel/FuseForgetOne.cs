using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseForgetOne(ulong Node, ulong Lookups); // fuse_forget_one
