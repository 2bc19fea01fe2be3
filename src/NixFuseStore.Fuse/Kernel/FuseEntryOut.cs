using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

/// <summary>Answer to a lookup: a node, how long name and attributes may be kept, and the attributes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseEntryOut // fuse_entry_out
{
    /// <summary>An existing name.</summary>
    /// <param name="node">Node id, not 0.</param>
    /// <param name="attributes">Attributes of the node.</param>
    /// <param name="entryTimeout">How long the name may be kept.</param>
    /// <param name="attributesTimeout">How long the attributes may be kept.</param>
    public FuseEntryOut(ulong node, in FuseAttr attributes, FuseTimeout entryTimeout, FuseTimeout attributesTimeout)
    {
        Node = node;
        EntrySeconds = entryTimeout.Seconds;
        EntryNanoseconds = entryTimeout.Nanoseconds;
        AttributesSeconds = attributesTimeout.Seconds;
        AttributesNanoseconds = attributesTimeout.Nanoseconds;
        _attributes = attributes;
    }

    /// <summary>Node id; 0 says that the name does not exist, which the kernel then keeps for <see cref="EntrySeconds"/>.</summary>
    public ulong Node { get; set; }

    /// <summary>Tells two files apart that had the same node id at different times; 0 where ids are never given twice.</summary>
    public ulong Generation { get; set; }

    /// <summary>How long the name may be kept, in seconds.</summary>
    public ulong EntrySeconds { get; set; }

    /// <summary>How long the attributes may be kept, in seconds.</summary>
    public ulong AttributesSeconds { get; set; }

    /// <summary>Nanoseconds of <see cref="EntrySeconds"/>.</summary>
    public uint EntryNanoseconds { get; set; }

    /// <summary>Nanoseconds of <see cref="AttributesSeconds"/>.</summary>
    public uint AttributesNanoseconds { get; set; }

    private FuseAttr _attributes; // stands last, as in the kernel's struct

    /// <summary>Attributes of the node.</summary>
    public FuseAttr Attributes
    {
        readonly get => _attributes;
        set => _attributes = value;
    }

    /// <summary>The answer "there is no such name", kept by the kernel for <paramref name="timeout"/>.</summary>
    public static FuseEntryOut Absent(FuseTimeout timeout) =>
        new() { EntrySeconds = timeout.Seconds, EntryNanoseconds = timeout.Nanoseconds };
}
