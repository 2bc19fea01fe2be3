using System.Text;

namespace NixFuseStore.Content.Tests;

public sealed class ManifestTreeTests
{
    private const byte File = 1;
    private const byte Folder = 2;
    private const byte Link = 3;
    private const byte Program = 5;

    // count, kinds, numbers, name lengths, names, targets, blanks in targets
    private static readonly byte[] Example = Sections.Bytes(
        5, new byte[] { Folder, Program, Folder, Link, File }, 3, 10, 1, 6, 200, new byte[] { 1, 2, 3, 1 }, "a", "bb", "ccc", "x", "target", 0);

    [Fact]
    public void Example_IsReadAsDrawn()
    {
        var tree = ManifestTree.Parse(Example);
        Assert.Equal(5, tree.Count);
        Assert.Equal(210, tree.StreamLength);
        Assert.Equal(
            [EntryKind.Directory, EntryKind.Regular, EntryKind.Directory, EntryKind.Symlink, EntryKind.Regular],
            Enumerable.Range(0, 5).Select(tree.Kind));
        Assert.Equal([false, true, false, false, false], Enumerable.Range(0, 5).Select(tree.IsExecutable));
        Assert.Equal([0UL, 10, 0, 6, 200], Enumerable.Range(0, 5).Select(tree.Size));
        Assert.Equal(["", "a", "bb", "ccc", "x"], Enumerable.Range(0, 5).Select(index => Encoding.ASCII.GetString(tree.Name(index))));
        Assert.Equal([0, 0, 0, 0, 2], Enumerable.Range(0, 5).Select(tree.Parent));
        Assert.Equal([0UL, 0, 10, 210, 10], Enumerable.Range(0, 5).Select(tree.StreamOffset));
        Assert.Equal((1, 3), tree.Children(0));
        Assert.Equal((4, 1), tree.Children(2));
        Assert.Equal((0, 0), tree.Children(1));
        var target = new byte[6];
        Assert.Equal(6, tree.GetTarget(3, Sections.Everything().Build().Header, target));
        Assert.Equal("target"u8.ToArray(), target);
        Assert.Throws<ArgumentException>(() => tree.GetTarget(1, Sections.Everything().Build().Header, target));
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.Kind(5));
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.Parent(-1));
    }

    [Fact]
    public void TruncatedOrMutated_IsRefusedOrHarmless()
    {
        Sections.Torture(Example, bytes => Walk(ManifestTree.Parse(bytes)));
        Sections.Torture(Sections.Everything().Build().Tree, bytes => Walk(ManifestTree.Parse(bytes)));
    }

    public static TheoryData<string, byte[]> Hostile => new()
    {
        { "no root", Sections.Bytes(0) },
        { "two roots", Sections.Bytes(2, new byte[] { File, File }, 1, 1, new byte[] { 1 }, "a", 0) },
        { "huge count", Sections.Bytes(long.MaxValue, new byte[] { Folder }, 0, 0) },
        { "count of nearly 2^31", Sections.Bytes(int.MaxValue, new byte[] { Folder }, 0, 0) },
        { "unknown kind", Sections.Bytes(1, new byte[] { 0 }, 1, 0) },
        { "executable directory", Sections.Bytes(1, new byte[] { Folder | 4 }, 0, 0) },
        { "unknown flag", Sections.Bytes(1, new byte[] { File | 8 }, 0, 0) },
        { "more children than entries", Sections.Bytes(2, new byte[] { Folder, File }, 2, 1, new byte[] { 1 }, "a", 0) },
        { "fewer children than entries", Sections.Bytes(3, new byte[] { Folder, File, File }, 1, 1, 1, new byte[] { 1, 1 }, "ab", 0) },
        { "an entry that is its own child", Sections.Bytes(3, new byte[] { Folder, File, Folder }, 1, 1, 1, new byte[] { 1, 1 }, "ab", 0) },
        { "huge children", Sections.Bytes(2, new byte[] { Folder, File }, long.MaxValue, 1, new byte[] { 1 }, "a", 0) },
        { "empty name", Sections.Bytes(2, new byte[] { Folder, File }, 1, 1, new byte[] { 0 }, 0) },
        { "name with slash", Sections.Bytes(2, new byte[] { Folder, File }, 1, 1, new byte[] { 3 }, "a/b", 0) },
        { "name with NUL", Sections.Bytes(2, new byte[] { Folder, File }, 1, 1, new byte[] { 1 }, "\0", 0) },
        { "dot", Sections.Bytes(2, new byte[] { Folder, File }, 1, 1, new byte[] { 1 }, ".", 0) },
        { "dot dot", Sections.Bytes(2, new byte[] { Folder, File }, 1, 1, new byte[] { 2 }, "..", 0) },
        { "names out of order", Sections.Bytes(3, new byte[] { Folder, File, File }, 2, 1, 1, new byte[] { 1, 1 }, "ba", 0) },
        { "a name twice", Sections.Bytes(3, new byte[] { Folder, File, File }, 2, 1, 1, new byte[] { 1, 1 }, "aa", 0) },
        { "names longer than the section", Sections.Bytes(2, new byte[] { Folder, File }, 1, 1, new byte[] { 255 }, "a", 0) },
        { "sizes beyond 63 bits", Sections.Bytes(3, new byte[] { Folder, File, File }, 2, long.MaxValue, 1, new byte[] { 1, 1 }, "ab", 0) },
        { "number not in its shortest form", Sections.Bytes(1, new byte[] { File }, new byte[] { 0x80, 0 }, 0) },
        { "number beyond 64 bits", Sections.Bytes(1, new byte[] { File, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2 }, 0) },
        { "empty target", Sections.Bytes(1, new byte[] { Link }, 0, 0) },
        { "long target", Sections.Bytes(1, new byte[] { Link }, 4096, new string('x', 4096), 0) },
        { "target with NUL", Sections.Bytes(1, new byte[] { Link }, 1, "\0", 0) },
        { "blank that is none", Sections.Bytes(1, new byte[] { Link }, 32, new string('f', 32), 1, 0, 0) },
        { "blank behind the target", Sections.Bytes(1, new byte[] { Link }, 33, new string('e', 33), 1, 2, 0) },
        { "blank far behind the target", Sections.Bytes(1, new byte[] { Link }, 33, new string('e', 33), 1, long.MaxValue, 0) },
        { "blanks that overlap the end", Sections.Bytes(1, new byte[] { Link }, 60, new string('e', 60), 2, 0, 0, 0, 0) },
        { "hash that no header has", Sections.Bytes(1, new byte[] { Link }, 32, new string('e', 32), 1, 0, 16_384) },
        {
            "blank across two targets",
            Sections.Bytes(3, new byte[] { Folder, Link, Link }, 2, 20, 20, new byte[] { 1, 1 }, "ab", new string('e', 40), 1, 4, 0)
        },
        { "something behind the end", Sections.Bytes(1, new byte[] { File }, 0, 0, 0) },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void HostileSection_IsRefused(string what, byte[] section)
    {
        var exception = Record.Exception(() => ManifestTree.Parse(section));
        Assert.True(exception is ManifestFormatException, $"{what}: {exception}");
    }

    [Fact]
    public void SymlinkTargets_HaveTheirHashesRestored()
    {
        var manifest = Sections.Everything().Build();
        var tree = manifest.Header.OpenTree(manifest.Tree);
        Assert.False(manifest.Tree.AsSpan().IndexOf("00bgd045"u8) >= 0);
        Assert.Equal("/nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la-bash/bin/sh", Target(manifest, tree, "bin", "sh"));
        Assert.Equal("/nix/store/2bbgd045z0d4icpbc2yyz4gx48ak44la-y:/nix/store/1a5gd045z0d4icpbc2yyz4gx48ak44la-x", Target(manifest, tree, "lib", "c"));
    }

    [Fact]
    public void TryFind_FindsEveryNameAndNoOther()
    {
        var names = Enumerable.Range(0, 1000).Select(index => $"n{index * 2}").ToArray();
        var manifest = new SampleTree.Folder([.. names.Select(name => (name, (SampleTree)new SampleTree.File(name)))]).Build();
        var tree = manifest.Header.OpenTree(manifest.Tree);
        foreach (var name in names)
        {
            Assert.True(tree.TryFind(0, Encoding.ASCII.GetBytes(name), out var index));
            Assert.Equal(name, Encoding.ASCII.GetString(tree.Name(index)));
            Assert.False(tree.TryFind(0, Encoding.ASCII.GetBytes(name + "x"), out index));
            Assert.Equal(-1, index);
            Assert.False(tree.TryFind(1, Encoding.ASCII.GetBytes(name), out _));
        }

        Assert.False(tree.TryFind(0, default, out _));
        Assert.False(tree.TryFind(0, "zzz"u8, out _));
    }

    [Fact]
    public void Use_AllocatesNothing()
    {
        var manifest = Sections.Everything().Build();
        var tree = manifest.Header.OpenTree(manifest.Tree);
        var target = new byte[4095];
        long Use()
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var round = 0; round < 100; round++)
            {
                _ = tree.TryFind(0, "bin"u8, out var bin);
                _ = tree.TryFind(bin, "sh"u8, out var sh);
                _ = tree.GetTarget(sh, manifest.Header, target);
                _ = tree.Name(sh).Length + tree.Parent(sh) + (int)tree.Size(sh) + (int)tree.StreamOffset(sh);
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        _ = Use();
        Assert.Equal(0, Use());
    }

    [Fact]
    public void HalfAMillionEntries_AreHandled()
    {
        var folders = Enumerable.Range(0, 500).Select(folder => ($"folder{folder:D3}", (SampleTree)new SampleTree.Folder(
            [.. Enumerable.Range(0, 1000).Select(file => ($"file{file:D4}", (SampleTree)new SampleTree.File([])))])));
        var manifest = new SampleTree.Folder([.. folders]).Build();
        var tree = manifest.Header.OpenTree(manifest.Tree);
        Assert.Equal(500_501, tree.Count);
        Assert.True(tree.TryFind(0, "folder499"u8, out var last));
        Assert.True(tree.TryFind(last, "file0999"u8, out var index));
        Assert.Equal(500_500, index);
        Assert.Equal(last, tree.Parent(index));
        Assert.InRange(tree.MemoryBytes, 500_000, 24_000_000);
    }

    private static string Target(Manifest manifest, ManifestTree tree, string folder, string name)
    {
        Assert.True(tree.TryFind(0, Encoding.ASCII.GetBytes(folder), out var parent));
        Assert.True(tree.TryFind(parent, Encoding.ASCII.GetBytes(name), out var index));
        var target = new byte[tree.Size(index)];
        Assert.Equal(target.Length, tree.GetTarget(index, manifest.Header, target));
        return Encoding.ASCII.GetString(target);
    }

    /// <summary>Uses every entry, so that a parser which lets nonsense through fails here.</summary>
    private static void Walk(ManifestTree tree)
    {
        for (var index = 0; index < tree.Count; index++)
        {
            var (first, count) = tree.Children(index);
            Assert.InRange(first + count, 0, tree.Count);
            Assert.True(count == 0 || first > index);
            Assert.InRange(tree.StreamOffset(index), 0UL, (ulong)tree.StreamLength);
            Assert.Equal(index == 0, tree.Name(index).IsEmpty);
            Assert.True(index == 0 || (tree.TryFind(tree.Parent(index), tree.Name(index), out var found) && found == index));
        }
    }
}
