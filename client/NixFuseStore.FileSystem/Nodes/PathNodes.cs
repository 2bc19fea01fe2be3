using NixFuseStore.Client.Reading;

namespace NixFuseStore.FileSystem.Nodes;

/// <summary>The handles behind slots. Reading takes no lock and allocates nothing.</summary>
internal sealed class PathNodes(SlotTable slots, Guid store)
{
    private const int CapacityMin = 256;

    private readonly Lock _gate = new();

    // Indexed by slot; replaced when it grows. Published with a barrier, so that whoever sees a slot sees its handle.
    private volatile PathHandle?[] _handles = new PathHandle?[CapacityMin];

    /// <summary>The handle of a slot, or null where this process has not met it yet.</summary>
    public PathHandle? Find(uint slot)
    {
        var handles = _handles;
        return slot < (uint)handles.Length ? Volatile.Read(ref handles[slot]) : null;
    }

    /// <summary>The slot of a handle, given now if it has none.</summary>
    public uint Attach(PathHandle handle)
    {
        var slot = handle.Slot;
        return slot != 0 && ReferenceEquals(Find(slot), handle) ? slot : AttachSlow(handle);
    }

    /// <summary>What a slot stands for in this store; false for a slot of another store, or of none.</summary>
    public bool TryGetKey(uint slot, out SlotKey key) => slots.TryGetKey(slot, out key) && key.Store == store;

    /// <summary>All handles met so far.</summary>
    public IReadOnlyList<PathHandle> Attached()
    {
        lock (_gate)
        {
            return [.. _handles.Where(handle => handle is not null).Select(handle => handle!)];
        }
    }

    private uint AttachSlow(PathHandle handle)
    {
        lock (_gate)
        {
            var slot = slots.GetOrAdd(new SlotKey(store, handle.Path.BaseName, handle.Digest));
            if (slot >= (uint)_handles.Length)
            {
                var larger = new PathHandle?[Math.Max(_handles.Length * 2, (int)slot + CapacityMin)];
                Array.Copy(_handles, larger, _handles.Length);
                _handles = larger;
            }

            Volatile.Write(ref _handles[slot], handle);
            handle.Slot = slot;
            return slot;
        }
    }
}
