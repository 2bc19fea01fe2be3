using System.Buffers.Binary;
using System.Security.Cryptography;

namespace NixFuseStore.Content.Tests;

public sealed class ManifestHeaderTests
{
    private static readonly Manifest Manifest = Sections.Everything().Build();
    private static readonly byte[] Bytes = Manifest.Header.ToBytes();

    [Fact]
    public void Bytes_AreAsDrawn()
    {
        Assert.Equal(144 + (3 * 20), Bytes.Length);
        Assert.Equal([1, 2, 0, 0, 1, 0, 0, 0], Bytes[..8]); // version, directory, not executable, parameters 1
        Assert.Equal(0UL, BinaryPrimitives.ReadUInt64LittleEndian(Bytes.AsSpan(8)));
        Assert.Equal((ulong)Manifest.Header.StreamLength, BinaryPrimitives.ReadUInt64LittleEndian(Bytes.AsSpan(16)));
        Assert.Equal(
            [9, Manifest.Header.ChunkCount, 3, Manifest.Tree.Length, Manifest.Chunks.Length, Manifest.Blanks.Length],
            Enumerable.Range(0, 6).Select(word => BinaryPrimitives.ReadInt32LittleEndian(Bytes.AsSpan(24 + (4 * word)))));
        Assert.Equal(SHA256.HashData(Manifest.Tree), Bytes[48..80]);
        Assert.Equal(SHA256.HashData(Manifest.Chunks), Bytes[80..112]);
        Assert.Equal(SHA256.HashData(Manifest.Blanks), Bytes[112..144]);
        Assert.Equal(SHA256.HashData(Bytes), Manifest.Digest.ToArray());
    }

    [Fact]
    public void Header_SaysWhatTheRootIs()
    {
        var file = new SampleTree.File([1, 2, 3], true).Build().Header;
        Assert.Equal((EntryKind.Regular, true, 3UL, 1), (file.RootKind, file.RootIsExecutable, file.RootSize, file.EntryCount));
        var link = new SampleTree.Link("/nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la-x").Build().Header;
        Assert.Equal((EntryKind.Symlink, false, 45UL, 0L, 1), (link.RootKind, link.RootIsExecutable, link.RootSize, link.StreamLength, link.HashCount));
        var folder = new SampleTree.Folder().Build().Header;
        Assert.Equal((EntryKind.Directory, 0UL, 0), (folder.RootKind, folder.RootSize, folder.GetLength(ManifestSection.Chunks)));
    }

    [Fact]
    public void TruncatedOrMutated_IsRefusedOrHarmless() => Sections.Torture(Bytes, bytes =>
    {
        var header = ManifestHeader.Parse(bytes);
        Assert.Equal(bytes, header.ToBytes());
        Assert.True(ManifestHeader.TryParse(bytes, out _));
    });

    [Theory]
    [InlineData(0, 2)] // version
    [InlineData(1, 0)] // root kind
    [InlineData(1, 1)] // a file with nine entries
    [InlineData(2, 1)] // executable directory
    [InlineData(3, 1)] // must be zero
    [InlineData(4, 2)] // unknown chunking parameters
    [InlineData(8, 1)] // directory with a size
    [InlineData(23, 0x80)] // negative stream length
    [InlineData(27, 0x80)] // negative entry count
    [InlineData(31, 0x80)] // negative chunk count
    [InlineData(33, 1)] // more hashes than bytes
    [InlineData(35, 0x80)] // negative hash count
    [InlineData(39, 0x80)] // negative tree length
    [InlineData(43, 0x80)] // negative chunks length
    [InlineData(47, 0x80)] // negative blanks length
    public void HostileHeader_IsRefused(int at, byte value)
    {
        var changed = (byte[])Bytes.Clone();
        changed[at] = value;
        Assert.False(ManifestHeader.TryParse(changed, out _));
        Assert.Throws<ManifestFormatException>(() => ManifestHeader.Parse(changed));
    }

    [Fact]
    public void HashThatStandsTwice_IsRefused()
    {
        var changed = (byte[])Bytes.Clone();
        changed.AsSpan(144, 20).CopyTo(changed.AsSpan(164));
        Assert.Throws<ManifestFormatException>(() => Manifest.Create(ManifestHeader.Parse(changed), Manifest.Tree, Manifest.Chunks, Manifest.Blanks));
    }

    [Fact]
    public void EveryFlippedBitOfASection_IsRefused()
    {
        foreach (var section in Enum.GetValues<ManifestSection>())
        {
            var plain = Manifest.GetSection(section);
            for (var bit = 0; bit < plain.Length * 8; bit++)
            {
                var changed = (byte[])plain.Clone();
                changed[bit / 8] ^= (byte)(1 << (bit % 8));
                Assert.False(Manifest.Header.Matches(section, changed));
                Assert.Throws<ManifestFormatException>(() => Manifest.Create(
                    Manifest.Header,
                    section == ManifestSection.Tree ? changed : Manifest.Tree,
                    section == ManifestSection.Chunks ? changed : Manifest.Chunks,
                    section == ManifestSection.Blanks ? changed : Manifest.Blanks));
            }
        }
    }

    [Fact]
    public void EveryFlippedBitOfTheHeader_IsAnotherManifestOrNone()
    {
        for (var bit = 0; bit < Bytes.Length * 8; bit++)
        {
            var changed = (byte[])Bytes.Clone();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.True(!ManifestHeader.TryParse(changed, out var header) || header.Digest != Manifest.Digest);
        }
    }

    [Fact]
    public void SectionsOfAnotherManifest_AreRefused()
    {
        var other = new SampleTree.Folder(("x", new SampleTree.File(Text(40_000)))).Build();
        Assert.Throws<ManifestFormatException>(() => Manifest.Header.OpenTree(other.Tree));
        Assert.Throws<ManifestFormatException>(() => Manifest.Header.OpenChunks(other.Chunks));
        Assert.Throws<ManifestFormatException>(() => other.Header.OpenBlanks(Manifest.Blanks));
    }

    /// <summary>A header whose digests are right, over sections that do not belong together.</summary>
    [Fact]
    public void SectionsThatContradictTheHeader_AreRefused()
    {
        var other = new SampleTree.Folder(("x", new SampleTree.File(Text(40_000)))).Build();
        var mixed = Compose(Bytes, other.Tree, Manifest.Chunks, Manifest.Blanks);
        Assert.Throws<ManifestFormatException>(() => Manifest.Create(mixed, other.Tree, Manifest.Chunks, Manifest.Blanks));
        mixed = Compose(Bytes, Manifest.Tree, other.Chunks, Manifest.Blanks);
        Assert.Throws<ManifestFormatException>(() => Manifest.Create(mixed, Manifest.Tree, other.Chunks, Manifest.Blanks));
        mixed = Compose(Bytes, Manifest.Tree, Manifest.Chunks, []);
        Assert.Throws<ManifestFormatException>(() => Manifest.Create(mixed, Manifest.Tree, Manifest.Chunks, []));

        // A store hash that nothing names.
        var padded = Compose([.. Bytes, .. new byte[20]], Manifest.Tree, Manifest.Chunks, Manifest.Blanks, Manifest.Header.HashCount + 1);
        Assert.Throws<ManifestFormatException>(() => Manifest.Create(padded, Manifest.Tree, Manifest.Chunks, Manifest.Blanks));
    }

    internal static ManifestHeader Compose(byte[] header, byte[] tree, byte[] chunks, byte[] blanks, int? hashCount = null)
    {
        var bytes = (byte[])header.Clone();
        var sections = new[] { tree, chunks, blanks };
        for (var section = 0; section < 3; section++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(36 + (4 * section)), sections[section].Length);
            SHA256.HashData(sections[section]).CopyTo(bytes, 48 + (32 * section));
        }

        if (hashCount is { } count)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(32), count);
        }

        return ManifestHeader.Parse(bytes);
    }

    private static string Text(int length) => new('t', length);
}
