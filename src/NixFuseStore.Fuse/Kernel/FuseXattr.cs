using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

/// <summary>Argument of GETXATTR and LISTXATTR.</summary>
/// <param name="Bytes">Room for the answer; 0 asks how much is needed.</param>
/// <param name="Padding">0.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseGetXattrIn(uint Bytes, uint Padding); // fuse_getxattr_in

/// <summary>Answer to the question how much room is needed.</summary>
/// <param name="Bytes">Bytes of the value, or of the list.</param>
/// <param name="Padding">0.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseGetXattrOut(uint Bytes, uint Padding); // fuse_getxattr_out
