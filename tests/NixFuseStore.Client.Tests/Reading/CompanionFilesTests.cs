using NixFuseStore.Client.ReadAhead;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Tests.Reading;

public sealed class CompanionFilesTests
{
    private readonly CoAccessedFiles _companions = new();

    [Fact]
    public void OnRead_PairsAcrossDirectories_ForetellsTheSecond()
    {
        var names = new[] { "a", "b", "c", "d" };
        var tree = TreeOf(SourceEntry.Directory(
            [("__pycache__", SourceEntry.Directory([.. names.Select(n => ($"{n}.cpython-311.pyc", SourceEntry.File(n)))])), .. names.Select(n => ($"{n}.py", SourceEntry.File(n)))]));
        foreach (var name in names[..2])
        {
            Assert.Equal(-1, _companions.OnRead(tree, tree.Entry($"__pycache__/{name}.cpython-311.pyc")));
            Assert.Equal(-1, _companions.OnRead(tree, tree.Entry($"{name}.py")));
        }

        Assert.Equal(tree.Entry("c.py"), _companions.OnRead(tree, tree.Entry("__pycache__/c.cpython-311.pyc")));
    }

    [Fact]
    public void OnRead_PairsInOneDirectory_ForetellsTheSecond()
    {
        var tree = TreeOf(SourceEntry.Directory([.. "a b c".Split(' ').SelectMany(n => new[] { ($"{n}.c", SourceEntry.File(n)), ($"{n}.h", SourceEntry.File(n)) })]));
        foreach (var file in "a.c a.h b.c b.h".Split(' '))
        {
            Assert.Equal(-1, _companions.OnRead(tree, tree.Entry(file)));
        }

        Assert.Equal(tree.Entry("c.h"), _companions.OnRead(tree, tree.Entry("c.c")));
    }

    [Fact]
    public void OnRead_NobodyFollows_EndsForetelling()
    {
        var names = Enumerable.Range(0, 12).Select(i => $"n{i}").ToArray();
        var tree = TreeOf(SourceEntry.Directory([.. names.SelectMany(n => new[] { ($"{n}.c", SourceEntry.File(n)), ($"{n}.h", SourceEntry.File(n)) })]));
        foreach (var file in "n0.c n0.h n1.c n1.h".Split(' '))
        {
            _companions.OnRead(tree, tree.Entry(file));
        }

        var foretold = names[2..].Count(n => _companions.OnRead(tree, tree.Entry($"{n}.c")) >= 0);

        Assert.Equal(4, foretold);
    }

    [Fact]
    public void OnRead_UnrelatedNames_ForetellsNothing()
    {
        var tree = TreeOf(SourceEntry.Directory(("a", SourceEntry.File("a")), (".b", SourceEntry.File("b")), ("c.x", SourceEntry.File("c")), ("d.x", SourceEntry.File("d"))));
        for (var round = 0; round < 3; round++)
        {
            for (var entry = 1; entry < tree.Count; entry++)
            {
                Assert.Equal(-1, _companions.OnRead(tree, entry));
            }
        }
    }

    private static ManifestTree TreeOf(SourceEntry source)
    {
        var manifest = new SourcePath("0123456789abcdfghijklmnpqrsvwxyz-tree", source).Manifest;
        return manifest.Header.OpenTree(manifest.Tree);
    }
}
