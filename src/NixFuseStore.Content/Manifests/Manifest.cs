namespace NixFuseStore.Content;

/// <summary>A whole manifest: the header and the plain canonical bytes of its three sections. Immutable; the arrays are not to be written.</summary>
public sealed class Manifest
{
    internal Manifest(ManifestHeader header, byte[] tree, byte[] chunks, byte[] blanks)
    {
        Header = header;
        Tree = tree;
        Chunks = chunks;
        Blanks = blanks;
    }

    /// <summary>The header, which names the sections.</summary>
    public ManifestHeader Header { get; }

    /// <summary>The manifest's name.</summary>
    public ManifestDigest Digest => Header.Digest;

    /// <summary>Plain canonical bytes of the tree section.</summary>
    public byte[] Tree { get; }

    /// <summary>Plain canonical bytes of the chunk section; empty where there is no content.</summary>
    public byte[] Chunks { get; }

    /// <summary>Plain canonical bytes of the blanks section; empty where nothing is blanked in the stream.</summary>
    public byte[] Blanks { get; }

    /// <summary>Plain canonical bytes of a section.</summary>
    public byte[] GetSection(ManifestSection section) => section switch
    {
        ManifestSection.Tree => Tree,
        ManifestSection.Chunks => Chunks,
        ManifestSection.Blanks => Blanks,
        _ => throw new ArgumentOutOfRangeException(nameof(section)),
    };

    /// <summary>
    /// Puts a manifest together from parts that a client sent: checks every digest, every format, and that the sections agree with
    /// the header and with each other. Whether the content is cut and blanked as it must be, only <see cref="ManifestVerifier"/> tells.
    /// </summary>
    /// <exception cref="ManifestFormatException">Something does not hold; the message says what.</exception>
    public static Manifest Create(ManifestHeader header, byte[] tree, byte[] chunks, byte[] blanks)
    {
        var parsedTree = header.OpenTree(tree);
        _ = header.OpenChunks(chunks);
        var parsedBlanks = header.OpenBlanks(blanks);

        // Hashes are numbered as they first appear: in the stream, then in symlink targets.
        var hashEnd = parsedBlanks.HashEnd;
        foreach (var hash in parsedTree.TargetHashes)
        {
            if (hash > hashEnd)
            {
                throw new ManifestFormatException("The tree section names a store hash out of order.");
            }

            hashEnd = Math.Max(hashEnd, hash + 1);
        }

        return hashEnd != header.HashCount || !header.HashesAreDistinct()
            ? throw new ManifestFormatException("The manifest header holds store hashes that nothing names, or one twice.")
            : new Manifest(header, tree, chunks, blanks);
    }
}
