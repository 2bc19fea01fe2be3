using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

/// <summary>The name follows.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseMakeNodeIn(uint Mode, uint Device, uint UserMask, uint Padding); // fuse_mknod_in
