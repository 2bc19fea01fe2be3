using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

/// <summary>Answer to GETATTR and SETATTR.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct FuseAttrOut(in FuseAttr attributes, FuseTimeout timeout) // fuse_attr_out
{
    public readonly ulong ValidSeconds = timeout.Seconds;
    public readonly uint ValidNanoseconds = timeout.Nanoseconds;
    public readonly uint Padding;
    public readonly FuseAttr Attributes = attributes;
}
