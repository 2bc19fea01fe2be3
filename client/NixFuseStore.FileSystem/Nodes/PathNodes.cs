using System.Collections.Concurrent;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Trees;

namespace NixFuseStore.FileSystem.Nodes;

/// <summary>
/// The handles behind slots, for as long as the kernel knows a node of theirs: it says by FORGET when it does not. Of those that it has
/// forgotten the last few stay. Finding one takes no lock and allocates nothing. Any thread.
/// </summary>
internal sealed class PathNodes
{
    /// <summary>Paths kept that the kernel knows no node of.</summary>
    private const int IdleMax = 256;

    private readonly NodeIdTable _slots;
    private readonly Guid _store;
    private readonly ConcurrentDictionary<uint, Node> _nodes = new();
    private readonly ConcurrentQueue<Node> _idle = new();

    // Lookups by slot of paths that the kernel knows from signed listings alone; guarded by its gate. They pass to the handle when there is one.
    private readonly Lock _listedGate = new();
    private readonly Dictionary<uint, long> _listed = [];

    public PathNodes(NodeIdTable slots, Guid store)
    {
        _slots = slots;
        _store = store;
        slots.IsInUse = slot => Find(slot) is not null || IsListed(slot);
    }

    /// <summary>Paths that have a handle here.</summary>
    public int Count => _nodes.Count;

    /// <summary>The handle of a slot, or null where there is none here.</summary>
    public PathHandle? Find(uint slot) => _nodes.TryGetValue(slot, out var node) ? node.Handle : null;

    /// <summary>
    /// An answer names a path that is known from a signed listing alone, and the kernel will count it. Its handle comes when something is wanted of
    /// it, and has to have the listed content.
    /// </summary>
    /// <returns>False where the path has a handle that was removed: then it has to be found anew.</returns>
    public bool TryAddListed(string baseName, ListedContent content, out Slot slot)
    {
        slot = _slots.GetOrAdd(new NodeIdKey(_store, baseName, content.Digest), content.EntryCount);
        lock (_listedGate)
        {
            if (_nodes.TryGetValue(slot.Number, out var node))
            {
                if (node.Handle.IsRemoved)
                {
                    return false;
                }

                if (TryAddLookups(node, 1))
                {
                    return true;
                }
            }

            _listed[slot.Number] = _listed.GetValueOrDefault(slot.Number) + 1;
            return true;
        }
    }

    /// <summary>The names of paths that the kernel knows from listings alone.</summary>
    public IReadOnlyList<string> Listed()
    {
        uint[] slots;
        lock (_listedGate)
        {
            slots = [.. _listed.Keys];
        }

        return [.. slots.Select(slot => TryGetKey(slot, out var key) ? key.BaseName : "").Where(static name => name.Length > 0)];
    }

    /// <summary>What a slot stands for in this store; false for a slot of another store, or of none.</summary>
    public bool TryGetKey(uint slot, out NodeIdKey key) => _slots.TryGetKey(slot, out key) && key.Store == _store;

    /// <summary>All handles here: the kernel knows no node of any other path.</summary>
    public IReadOnlyList<PathHandle> Attached() => [.. _nodes.Values.Select(static node => node.Handle)];

    /// <summary>Paths of which the kernel may know nodes that the process before has given.</summary>
    public IEnumerable<NodeIdKey> Inherited() => _slots.Inherited.Where(key => key.Kind == SlotKind.Path && key.Store == _store);

    /// <summary>Gives a handle its slot, if it has none.</summary>
    public void Attach(PathHandle handle)
    {
        if (Find(handle.Slot) != handle)
        {
            NodeOf(handle);
        }
    }

    /// <summary>
    /// An answer names nodes of a path, and the kernel will count them. To be called before the answer is given; should the kernel not take it,
    /// <see cref="Release"/> takes the count back.
    /// </summary>
    public void AddLookups(PathHandle handle, int lookups)
    {
        while (!TryAddLookups(NodeOf(handle), lookups))
        {
            // It was dropped just now; the next one is a new one.
        }
    }

    /// <summary>The kernel knows so many lookups less of a node of a slot.</summary>
    public void Release(uint slot, ulong lookups)
    {
        if (!_nodes.TryGetValue(slot, out var node) && (TryReleaseListed(slot, lookups) || !_nodes.TryGetValue(slot, out node)))
        {
            // From a listing alone; of another slot than a path's; or found again by its number.
            return;
        }

        lock (node)
        {
            node.Lookups -= (long)Math.Min(lookups, long.MaxValue);
            if (node.Lookups > 0)
            {
                return;
            }

            node.Lookups = 0;
            node.Handle.IsHeld = false;
            if (node.IsIdle)
            {
                return;
            }

            node.IsIdle = true;
        }

        _idle.Enqueue(node);
        DropIdle();
    }

    private Node NodeOf(PathHandle handle)
    {
        if (_nodes.TryGetValue(handle.Slot, out var node) && node.Handle == handle)
        {
            return node;
        }

        var slot = _slots.GetOrAdd(new NodeIdKey(_store, handle.Path.BaseName, handle.Digest), handle.Header.EntryCount);
        handle.FirstInode = slot.FirstInode;
        handle.Slot = slot.Number;
        node = _nodes.GetOrAdd(slot.Number, static (number, handle) => new Node(number, handle), handle);
        var listed = TakeListed(slot.Number);
        lock (node)
        {
            node.Lookups += listed;
            // The same path and content, verified anew after the table of paths had forgotten it.
            node.Handle = handle;
            handle.IsHeld = node.Lookups > 0;
            if (node.Lookups == 0 && !node.IsIdle)
            {
                // Found by its number, say. Should the kernel come to know it, it leaves the row of idle ones.
                node.IsIdle = true;
                _idle.Enqueue(node);
            }
        }

        DropIdle();
        return node;
    }

    private bool IsListed(uint slot)
    {
        lock (_listedGate)
        {
            return _listed.ContainsKey(slot);
        }
    }

    private long TakeListed(uint slot)
    {
        lock (_listedGate)
        {
            return _listed.Remove(slot, out var lookups) ? lookups : 0;
        }
    }

    private bool TryReleaseListed(uint slot, ulong lookups)
    {
        lock (_listedGate)
        {
            if (!_listed.TryGetValue(slot, out var known))
            {
                return false;
            }

            if ((ulong)known > lookups)
            {
                _listed[slot] = known - (long)lookups;
            }
            else
            {
                _listed.Remove(slot);
                if (_listed.Count == 0)
                {
                    _listed.TrimExcess();
                }
            }

            return true;
        }
    }

    private static bool TryAddLookups(Node node, int lookups)
    {
        lock (node)
        {
            if (node.IsDropped)
            {
                return false;
            }

            node.Lookups += lookups;
            node.Handle.IsHeld = true;
            return true;
        }
    }

    private void DropIdle()
    {
        while (_idle.Count > IdleMax && _idle.TryDequeue(out var node))
        {
            lock (node)
            {
                node.IsIdle = false;
                if (node.Lookups > 0)
                {
                    continue;
                }

                node.IsDropped = true;
                _nodes.TryRemove(new KeyValuePair<uint, Node>(node.Slot, node));
            }
        }
    }

    /// <summary>A path of which the kernel knows nodes, or did lately. All but the slot is guarded by the object's own lock; the handle may be read without.</summary>
    private sealed class Node(uint slot, PathHandle handle)
    {
        private volatile PathHandle _handle = handle;

        public uint Slot => slot;

        public PathHandle Handle
        {
            get => _handle;
            set => _handle = value;
        }

        /// <summary>What the kernel counts, of all nodes of the path together.</summary>
        public long Lookups { get; set; }

        /// <summary>Whether it stands in the row of idle ones, where it may stand though the kernel has come back to it.</summary>
        public bool IsIdle { get; set; }

        public bool IsDropped { get; set; }
    }
}
