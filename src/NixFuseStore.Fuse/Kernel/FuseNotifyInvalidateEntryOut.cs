using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

/// <summary>The name follows, with its terminator, which the length leaves out.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseNotifyInvalidateEntryOut(ulong Parent, uint NameBytes, uint Flags); // fuse_notify_inval_entry_out
