using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Content;

/// <content>The header's bytes, which FORMAT.md draws.</content>
public sealed partial class ManifestHeader
{
    internal const int FixedBytes = 144;

    private const byte FormatVersion = 1;

    private const int VersionAt = 0;
    private const int RootKindAt = 1;
    private const int RootExecutableAt = 2;
    private const int ZeroAt = 3;
    private const int ParameterIdAt = 4;
    private const int RootSizeAt = 8;
    private const int StreamLengthAt = 16;
    private const int EntryCountAt = 24;
    private const int ChunkCountAt = 28;
    private const int HashCountAt = 32;
    private const int LengthsAt = 36; // three u32: tree, chunks, blanks
    private const int DigestsAt = 48; // three times 32 bytes, in the same order

    /// <summary>Reads a header.</summary>
    /// <param name="bytes">Exactly one header; copied.</param>
    /// <param name="header">The header, or null where the bytes are no canonical header of a known version and parameter id.</param>
    public static bool TryParse(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out ManifestHeader? header)
    {
        header = FindFault(bytes) is null ? new ManifestHeader(bytes.ToArray()) : null;
        return header is not null;
    }

    /// <summary>Reads a header.</summary>
    /// <exception cref="ManifestFormatException">The bytes are no canonical header; the message says why.</exception>
    public static ManifestHeader Parse(ReadOnlySpan<byte> bytes) =>
        FindFault(bytes) is { } fault ? throw new ManifestFormatException($"The manifest header {fault}.") : new ManifestHeader(bytes.ToArray());

    internal static ManifestHeader Create(
        uint parameterId,
        ManifestTree tree,
        int chunkCount,
        ReadOnlySpan<byte> packedHashes,
        ReadOnlySpan<byte> treeSection,
        ReadOnlySpan<byte> chunkSection,
        ReadOnlySpan<byte> blankSection)
    {
        var bytes = new byte[FixedBytes + packedHashes.Length];
        bytes[VersionAt] = FormatVersion;
        bytes[RootKindAt] = (byte)tree.Kind(0);
        bytes[RootExecutableAt] = tree.IsExecutable(0) ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(ParameterIdAt), parameterId);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(RootSizeAt), tree.Size(0));
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(StreamLengthAt), tree.StreamLength);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(EntryCountAt), tree.Count);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(ChunkCountAt), chunkCount);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(HashCountAt), packedHashes.Length / StoreHash.PackedBytes);
        WriteSection(bytes, ManifestSection.Tree, treeSection);
        WriteSection(bytes, ManifestSection.Chunks, chunkSection);
        WriteSection(bytes, ManifestSection.Blanks, blankSection);
        packedHashes.CopyTo(bytes.AsSpan(FixedBytes));
        return Parse(bytes);
    }

    private static void WriteSection(Span<byte> header, ManifestSection section, ReadOnlySpan<byte> plain)
    {
        BinaryPrimitives.WriteInt32LittleEndian(header[LengthAt(section)..], plain.Length);
        SectionDigest.Compute(plain).CopyTo(header[DigestAt(section)..]);
    }

    private static int LengthAt(ManifestSection section) => LengthsAt + (4 * Place(section));

    private static int DigestAt(ManifestSection section) => DigestsAt + (SectionDigest.Size * Place(section));

    private static int Place(ManifestSection section) =>
        section is >= ManifestSection.Tree and <= ManifestSection.Blanks ? (int)section : throw new ArgumentOutOfRangeException(nameof(section));

    private static string? FindFault(ReadOnlySpan<byte> bytes)
    {
        // 1. The frame.
        if (bytes.Length < FixedBytes)
        {
            return "is cut short";
        }

        if (bytes[VersionAt] != FormatVersion || bytes[ZeroAt] != 0)
        {
            return $"has format version {bytes[VersionAt]}, which this program does not know";
        }

        var parameterId = BinaryPrimitives.ReadUInt32LittleEndian(bytes[ParameterIdAt..]);
        if (!ChunkingParameters.TryGet(parameterId, out _))
        {
            return $"names chunking parameters {parameterId}, which this program does not know";
        }

        var hashCount = BinaryPrimitives.ReadUInt32LittleEndian(bytes[HashCountAt..]);
        if (hashCount > HashesMax || bytes.Length != FixedBytes + ((int)hashCount * StoreHash.PackedBytes))
        {
            return "has another length than its count of hashes says";
        }

        // 2. The numbers fit each other.
        var streamLength = BinaryPrimitives.ReadInt64LittleEndian(bytes[StreamLengthAt..]);
        var entryCount = BinaryPrimitives.ReadInt32LittleEndian(bytes[EntryCountAt..]);
        var chunkCount = BinaryPrimitives.ReadInt32LittleEndian(bytes[ChunkCountAt..]);
        var treeLength = BinaryPrimitives.ReadInt32LittleEndian(bytes[LengthAt(ManifestSection.Tree)..]);
        var chunksLength = BinaryPrimitives.ReadInt32LittleEndian(bytes[LengthAt(ManifestSection.Chunks)..]);
        var blanksLength = BinaryPrimitives.ReadInt32LittleEndian(bytes[LengthAt(ManifestSection.Blanks)..]);
        if (streamLength < 0 || chunkCount < 0 || chunksLength < 0 || blanksLength < 0 || entryCount < 1 || treeLength <= entryCount)
        {
            return "holds numbers out of range";
        }

        if ((streamLength == 0) != (chunkCount == 0) || (chunkCount == 0) != (chunksLength == 0) || chunkCount > streamLength
            || (blanksLength != 0 && (chunkCount == 0 || hashCount == 0)))
        {
            return "holds numbers that contradict each other";
        }

        return FindRootFault(bytes, entryCount, streamLength);
    }

    private static string? FindRootFault(ReadOnlySpan<byte> bytes, int entryCount, long streamLength)
    {
        var rootSize = BinaryPrimitives.ReadUInt64LittleEndian(bytes[RootSizeAt..]);
        var rootExecutable = bytes[RootExecutableAt];
        var fits = (EntryKind)bytes[RootKindAt] switch
        {
            EntryKind.Regular => rootExecutable <= 1 && rootSize == (ulong)streamLength && entryCount == 1,
            EntryKind.Directory => rootExecutable == 0 && rootSize == 0,
            EntryKind.Symlink => rootExecutable == 0 && rootSize is > 0 and <= NarLimits.TargetBytesMax && entryCount == 1 && streamLength == 0,
            _ => false,
        };
        return fits ? null : "describes a root that cannot be";
    }
}
