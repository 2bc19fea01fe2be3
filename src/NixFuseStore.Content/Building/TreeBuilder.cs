using System.Runtime.InteropServices;

namespace NixFuseStore.Content;

/// <summary>Collects entries in NAR order and writes them as a tree section, breadth-first.</summary>
internal sealed class TreeBuilder
{
    private readonly List<Node> _nodes = [];
    private readonly SectionWriter _text = new(1024); // names and targets as they came

    public int Count => _nodes.Count;

    /// <summary>Adds an entry below a directory that was added before, or the root.</summary>
    /// <param name="kind">A kind byte as in the section.</param>
    /// <param name="parent">Number of the directory; 0 for the root itself.</param>
    /// <param name="name">The name, checked.</param>
    /// <param name="size">A file's bytes.</param>
    /// <param name="target">A symlink's target, checked.</param>
    /// <returns>The entry's number.</returns>
    public int Add(byte kind, int parent, ReadOnlySpan<byte> name, ulong size, ReadOnlySpan<byte> target)
    {
        var node = new Node(kind, parent, _text.Length, (byte)name.Length, kind == (byte)EntryKind.Symlink ? (ulong)target.Length : size);
        _text.WriteBytes(name);
        _text.WriteBytes(target);
        _nodes.Add(node);
        if (_nodes.Count > 1)
        {
            CollectionsMarshal.AsSpan(_nodes)[parent].Children++;
        }

        return _nodes.Count - 1;
    }

    /// <summary>The name of an entry; valid until the next is added.</summary>
    public ReadOnlySpan<byte> Name(int number) => _text.Written.Slice(_nodes[number].Text, _nodes[number].NameBytes);

    /// <summary>Writes the section, numbering the hashes in symlink targets behind those of the stream.</summary>
    public byte[] Write(HashScanner scanner, StoreHashTable hashes)
    {
        var nodes = CollectionsMarshal.AsSpan(_nodes);
        var order = BreadthFirst(nodes);
        var writer = new SectionWriter(_text.Length + (nodes.Length * 4) + 16);
        writer.WriteVarint((ulong)nodes.Length);
        foreach (var number in order)
        {
            writer.WriteByte(nodes[number].Kind);
        }

        foreach (var number in order)
        {
            ref readonly var node = ref nodes[number];
            writer.WriteVarint(node.Kind == (byte)EntryKind.Directory ? (ulong)node.Children : node.Size);
        }

        foreach (var number in order.AsSpan(1))
        {
            writer.WriteByte(nodes[number].NameBytes);
        }

        foreach (var number in order)
        {
            writer.WriteBytes(Name(number));
        }

        WriteTargets(writer, nodes, order, scanner, hashes);
        return writer.ToArray();
    }

    private void WriteTargets(SectionWriter writer, ReadOnlySpan<Node> nodes, int[] order, HashScanner scanner, StoreHashTable hashes)
    {
        var blanks = new List<(int Gap, int Hash)>();
        Span<byte> target = stackalloc byte[Nix.Archives.NarLimits.TargetBytesMax];
        Span<byte> packed = stackalloc byte[StoreHash.PackedBytes];
        var sinceBlank = 0; // target bytes since the last blank's end
        foreach (var number in order)
        {
            ref readonly var node = ref nodes[number];
            if (node.Kind != (byte)EntryKind.Symlink)
            {
                continue;
            }

            var length = (int)node.Size;
            _text.Written.Slice(node.Text + node.NameBytes, length).CopyTo(target);
            for (var done = 0; done < length;)
            {
                var step = scanner.Find(target[done..length], isEnd: true, packed, out var position);
                if (position < 0 || !hashes.TryNumber(packed, out var hash))
                {
                    sinceBlank += step;
                }
                else
                {
                    target.Slice(done + position, StoreHash.TextBytes).Fill(StoreHash.Blank);
                    blanks.Add((sinceBlank + position, hash));
                    sinceBlank = step - position - StoreHash.TextBytes;
                }

                done += step;
            }

            writer.WriteBytes(target[..length]);
        }

        writer.WriteVarint((ulong)blanks.Count);
        foreach (var (gap, _) in blanks)
        {
            writer.WriteVarint((ulong)gap);
        }

        foreach (var (_, hash) in blanks)
        {
            writer.WriteVarint((ulong)hash);
        }
    }

    /// <summary>The numbers of all nodes in table order. In NAR order a directory stands before what it holds, its children ascend.</summary>
    private static int[] BreadthFirst(ReadOnlySpan<Node> nodes)
    {
        // 1. Where the children of each directory go, if children are grouped by their directory's number.
        var starts = new int[nodes.Length];
        for (int number = 0, start = 0; number < nodes.Length; number++)
        {
            starts[number] = start;
            start += nodes[number].Children;
        }

        // 2. Group them.
        var grouped = new int[nodes.Length];
        var filled = (int[])starts.Clone();
        for (var number = 1; number < nodes.Length; number++)
        {
            grouped[filled[nodes[number].Parent]++] = number;
        }

        // 3. The groups in the order in which their directories come up.
        var order = new int[nodes.Length];
        for (int next = 0, end = 1; next < nodes.Length; next++)
        {
            var number = order[next];
            grouped.AsSpan(starts[number], nodes[number].Children).CopyTo(order.AsSpan(end));
            end += nodes[number].Children;
        }

        return order;
    }

    private record struct Node(byte Kind, int Parent, int Text, byte NameBytes, ulong Size)
    {
        public int Children;
    }
}
