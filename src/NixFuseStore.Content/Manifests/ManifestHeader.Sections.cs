namespace NixFuseStore.Content;

/// <content>Access to the sections that a header names.</content>
public sealed partial class ManifestHeader
{
    /// <summary>The digest that names a section.</summary>
    public SectionDigest GetDigest(ManifestSection section) => throw new NotImplementedException();

    /// <summary>Plain bytes of a section; 0 means that there is nothing to fetch.</summary>
    public int GetLength(ManifestSection section) => throw new NotImplementedException();

    /// <summary>Whether these plain bytes are the named section: length and digest.</summary>
    public bool Matches(ManifestSection section, ReadOnlySpan<byte> plain) => throw new NotImplementedException();

    /// <summary>Verifies, parses and compares with the header the plain bytes of the tree section, which the result goes on using.</summary>
    /// <exception cref="ManifestFormatException">The bytes are not the section that the header names, or not a valid one.</exception>
    public ManifestTree OpenTree(ReadOnlyMemory<byte> plain) => throw new NotImplementedException();

    /// <summary>Verifies, parses and compares with the header the plain bytes of the chunk section, which the result goes on using.</summary>
    /// <exception cref="ManifestFormatException">The bytes are not the section that the header names, or not a valid one.</exception>
    public ChunkList OpenChunks(ReadOnlyMemory<byte> plain) => throw new NotImplementedException();

    /// <summary>Verifies, parses and compares with the header the plain bytes of the blanks section.</summary>
    /// <exception cref="ManifestFormatException">The bytes are not the section that the header names, or not a valid one.</exception>
    public BlankList OpenBlanks(ReadOnlyMemory<byte> plain) => throw new NotImplementedException();

    /// <summary>Writes the 32 characters of a blanked store hash.</summary>
    /// <param name="index">0 to <see cref="HashCount"/> - 1.</param>
    /// <param name="destination">At least 32 bytes.</param>
    public void CopyHash(int index, Span<byte> destination) => throw new NotImplementedException();

    /// <summary>Reads a header.</summary>
    /// <param name="bytes">Exactly one header; copied.</param>
    /// <param name="header">The header, or null where the bytes are no canonical header of a known version and parameter id.</param>
    public static bool TryParse(ReadOnlySpan<byte> bytes, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ManifestHeader? header) =>
        throw new NotImplementedException();

    /// <summary>Reads a header.</summary>
    /// <exception cref="ManifestFormatException">The bytes are no canonical header; the message says why.</exception>
    public static ManifestHeader Parse(ReadOnlySpan<byte> bytes) => throw new NotImplementedException();

    /// <summary>A copy of the canonical bytes.</summary>
    public byte[] ToBytes() => Bytes.ToArray();
}
