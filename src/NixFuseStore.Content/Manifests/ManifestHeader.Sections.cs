namespace NixFuseStore.Content;

/// <content>From the bytes of a section to its verified, parsed form.</content>
public sealed partial class ManifestHeader
{
    /// <summary>Whether these plain bytes are the named section: length and digest.</summary>
    public bool Matches(ManifestSection section, ReadOnlySpan<byte> plain) =>
        plain.Length == GetLength(section) && SectionDigest.Compute(plain) == GetDigest(section);

    /// <summary>Verifies, parses and compares with the header the plain bytes of the tree section, which the result goes on using.</summary>
    /// <exception cref="ManifestFormatException">The bytes are not the section that the header names, or not a valid one.</exception>
    public ManifestTree OpenTree(ReadOnlyMemory<byte> plain)
    {
        CheckDigest(ManifestSection.Tree, plain.Span);
        var tree = ManifestTree.Parse(plain);
        if (tree.Count != EntryCount || tree.StreamLength != StreamLength || tree.TargetHashEnd > HashCount
            || tree.Kind(0) != RootKind || tree.IsExecutable(0) != RootIsExecutable || tree.Size(0) != RootSize)
        {
            throw Contradicts("tree");
        }

        return tree;
    }

    /// <summary>Verifies, parses and compares with the header the plain bytes of the chunk section, which the result goes on using.</summary>
    /// <exception cref="ManifestFormatException">The bytes are not the section that the header names, or not a valid one.</exception>
    public ChunkList OpenChunks(ReadOnlyMemory<byte> plain)
    {
        CheckDigest(ManifestSection.Chunks, plain.Span);
        var chunks = ChunkList.Parse(plain);
        return chunks.Count == ChunkCount && chunks.StreamLength == StreamLength ? chunks : throw Contradicts("chunks");
    }

    /// <summary>Verifies, parses and compares with the header the plain bytes of the blanks section.</summary>
    /// <exception cref="ManifestFormatException">The bytes are not the section that the header names, or not a valid one.</exception>
    public BlankList OpenBlanks(ReadOnlyMemory<byte> plain)
    {
        CheckDigest(ManifestSection.Blanks, plain.Span);
        return BlankList.Parse(plain, this);
    }

    /// <summary>Whether no store hash stands twice. Not checked at parsing: a reader is none the worse for it, and parses many headers.</summary>
    internal bool HashesAreDistinct()
    {
        var seen = new HashSet<PackedStoreHash>(HashCount);
        for (var packed = _bytes.AsSpan(FixedBytes); packed.Length != 0; packed = packed[StoreHash.PackedBytes..])
        {
            if (!seen.Add(PackedStoreHash.Read(packed)))
            {
                return false;
            }
        }

        return true;
    }

    private static ManifestFormatException Contradicts(string section) => new($"The {section} section contradicts the manifest header.");

    private void CheckDigest(ManifestSection section, ReadOnlySpan<byte> plain)
    {
        if (!Matches(section, plain))
        {
            throw new ManifestFormatException($"The bytes of the {section} section are not those that the manifest header names.");
        }
    }
}
