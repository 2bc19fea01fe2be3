namespace NixFuseStore.FileSystem.Nodes;

/// <summary>
/// A node id as the kernel holds it: <c>slot &lt;&lt; 32 | entry</c>. Slot 0 is the frame of the mount (<see cref="FixedNodes"/>);
/// any other stands for one store path with one content, and the entry is an index in its tree. Nothing is allocated per node,
/// so that FORGET has nothing to free and a restarted process means the same by the same id.
/// </summary>
internal readonly record struct NodeId(ulong Value)
{
    private const int SlotShift = 32;

    public NodeId(uint slot, int entry)
        : this(((ulong)slot << SlotShift) | (uint)entry)
    {
    }

    public uint Slot => (uint)(Value >> SlotShift);

    /// <summary>Index in the path's tree; 0 is the path itself. May be hostile: an index that no tree has, or negative.</summary>
    public int Entry => (int)(uint)Value;

    public bool IsFixed => Slot == 0;
}
