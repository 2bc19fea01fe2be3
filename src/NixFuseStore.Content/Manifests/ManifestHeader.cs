using System.Buffers.Binary;

namespace NixFuseStore.Content;

/// <summary>
/// The small, canonical head of a manifest. It travels with every path record, so that the root's attributes and all store hashes
/// are verified without any section. FORMAT.md draws the bytes. Immutable; any thread.
/// </summary>
/// <remarks>
/// The store hashes are here and not in a section of their own: they are all that a rebuild changes, so that a client which knows the
/// sections of the last build needs nothing but the new record.
/// </remarks>
public sealed partial class ManifestHeader
{
    /// <summary>Distinct store hashes that one manifest blanks at most; later ones stay in the content as they are.</summary>
    public const int HashesMax = 16_384;

    /// <summary>Bytes of the longest header.</summary>
    public const int BytesMax = FixedBytes + (HashesMax * StoreHash.PackedBytes);

    private readonly byte[] _bytes;

    private ManifestHeader(byte[] canonical)
    {
        _bytes = canonical;
        Digest = ManifestDigest.Compute(canonical);
    }

    /// <summary>SHA-256 of the header's bytes: the manifest's name.</summary>
    public ManifestDigest Digest { get; }

    /// <summary>The header's canonical bytes; the memory belongs to the header.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes;

    /// <summary>Id of the chunking parameters, see <see cref="ChunkingParameters"/>.</summary>
    public uint ParameterId => ReadUInt32(ParameterIdAt);

    /// <summary>What the store path itself is.</summary>
    public EntryKind RootKind => (EntryKind)_bytes[RootKindAt];

    /// <summary>Whether the store path itself is an executable file.</summary>
    public bool RootIsExecutable => _bytes[RootExecutableAt] != 0;

    /// <summary>Bytes of the store path itself: of a file its content, of a symlink its target, of a directory 0.</summary>
    public ulong RootSize => BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(RootSizeAt));

    /// <summary>Bytes of the content stream.</summary>
    public long StreamLength => BinaryPrimitives.ReadInt64LittleEndian(_bytes.AsSpan(StreamLengthAt));

    /// <summary>Entries of the tree, the root included.</summary>
    public int EntryCount => (int)ReadUInt32(EntryCountAt);

    /// <summary>Chunks of the content stream.</summary>
    public int ChunkCount => (int)ReadUInt32(ChunkCountAt);

    /// <summary>Distinct store hashes that were blanked.</summary>
    public int HashCount => (int)ReadUInt32(HashCountAt);

    /// <summary>The digest that names a section.</summary>
    public SectionDigest GetDigest(ManifestSection section) => SectionDigest.Read(_bytes.AsSpan(DigestAt(section)));

    /// <summary>Plain bytes of a section; 0 means that there is nothing to fetch.</summary>
    public int GetLength(ManifestSection section) => (int)ReadUInt32(LengthAt(section));

    /// <summary>Writes the 32 characters of a blanked store hash.</summary>
    /// <param name="index">0 to <see cref="HashCount"/> - 1.</param>
    /// <param name="destination">At least 32 bytes.</param>
    public void CopyHash(int index, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)HashCount, nameof(index));
        StoreHash.Unpack(_bytes.AsSpan(FixedBytes + (index * StoreHash.PackedBytes), StoreHash.PackedBytes), destination);
    }

    /// <summary>A copy of the canonical bytes.</summary>
    public byte[] ToBytes() => (byte[])_bytes.Clone();

    private uint ReadUInt32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(at));
}
