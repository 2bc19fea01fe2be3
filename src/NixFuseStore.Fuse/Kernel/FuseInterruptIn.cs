using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseInterruptIn(ulong Unique); // fuse_interrupt_in
