using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

/// <summary>The name follows, with its terminator, which the length leaves out.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseNotifyDeleteOut(ulong Parent, ulong Child, uint NameBytes, uint Padding); // fuse_notify_delete_out
