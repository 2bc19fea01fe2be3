using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

/// <summary>Head of every answer and notification. The error is negative in answers; in notifications it is the code.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseOutHeader(uint Bytes, int Error, ulong Unique); // fuse_out_header
