using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

/// <summary>So many <see cref="FuseForgetOne"/> follow.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseBatchForgetIn(uint Count, uint Padding); // fuse_batch_forget_in
