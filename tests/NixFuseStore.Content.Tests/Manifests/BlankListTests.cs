using System.Text;

namespace NixFuseStore.Content.Tests;

public sealed class BlankListTests
{
    private const string HashA = "00bgd045z0d4icpbc2yyz4gx48ak44la";
    private const string HashB = "1a5gd045z0d4icpbc2yyz4gx48ak44la";
    private const string Text = $"0123456789/nix/store/{HashA}-x/nix/store/{HashB}-/nix/store/{HashA}-end";

    private static readonly Manifest Manifest = new SampleTree.File(Text).Build();
    private static readonly string Blanked = Text.Replace(HashA, new string('e', 32), StringComparison.Ordinal).Replace(HashB, new string('e', 32), StringComparison.Ordinal);

    [Fact]
    public void Section_IsCountGapsAndHashes()
    {
        Assert.Equal(Sections.Bytes(3, 21, 13, 12, 0, 1, 0), Manifest.Blanks);
        Assert.Equal(2, Manifest.Header.HashCount);
        var text = new byte[32];
        Manifest.Header.CopyHash(1, text);
        Assert.Equal(HashB, Encoding.ASCII.GetString(text));
        Assert.Throws<ArgumentOutOfRangeException>(() => Manifest.Header.CopyHash(2, text));
        Assert.Throws<ArgumentOutOfRangeException>(() => Manifest.Header.CopyHash(-1, text));
    }

    [Fact]
    public void Patch_EveryRange_IsRestored()
    {
        var blanks = Manifest.Header.OpenBlanks(Manifest.Blanks);
        for (var start = 0; start <= Text.Length; start++)
        {
            for (var length = 0; start + length <= Text.Length; length++)
            {
                var bytes = Encoding.ASCII.GetBytes(Blanked.Substring(start, length));
                var wanted = Encoding.ASCII.GetBytes(Text.Substring(start, length));
                var differs = !bytes.AsSpan().SequenceEqual(wanted);
                var patched = blanks.Patch(start, bytes);
                Assert.Equal(wanted, bytes);
                Assert.Equal(differs, patched > 0);
                Assert.Equal(differs, blanks.Overlaps(start, length));
            }
        }
    }

    [Fact]
    public void EmptySection_BlanksNothing()
    {
        var blanks = BlankList.Parse(default, Manifest.Header);
        Assert.Equal(0, blanks.Count);
        Assert.False(blanks.Overlaps(0, long.MaxValue));
        Assert.Equal(0, blanks.Patch(0, new byte[100]));
    }

    [Fact]
    public void TruncatedOrMutated_IsRefusedOrHarmless() => Sections.Torture(Manifest.Blanks, bytes =>
    {
        var blanks = BlankList.Parse(bytes, Manifest.Header);
        var stream = new byte[Text.Length];
        Assert.Equal(blanks.Count, blanks.Patch(0, stream));
    });

    public static TheoryData<string, byte[]> Hostile => new()
    {
        { "no blanks", Sections.Bytes(0) },
        { "huge count", Sections.Bytes(long.MaxValue, 0, 0) },
        { "behind the stream", Sections.Bytes(1, Text.Length - 31, 0) },
        { "far behind the stream", Sections.Bytes(1, long.MaxValue, 0) },
        { "positions that overflow", Sections.Bytes(2, 0, long.MaxValue - 20, 0, 0) },
        { "hash that the header lacks", Sections.Bytes(3, 0, 0, 0, 0, 1, 2) },
        { "hashes not numbered as they appear", Sections.Bytes(2, 0, 0, 1, 0) },
        { "something behind the end", Sections.Bytes(1, 0, 0, 0) },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void HostileSection_IsRefused(string what, byte[] section)
    {
        var exception = Record.Exception(() => BlankList.Parse(section, Manifest.Header));
        Assert.True(exception is ManifestFormatException, $"{what}: {exception}");
    }
}
