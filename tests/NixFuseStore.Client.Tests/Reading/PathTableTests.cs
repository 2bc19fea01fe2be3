using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Client.Trees;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Tests.Reading;

/// <summary>What is remembered of paths, and for how long.</summary>
public sealed class PathTableTests
{
    private readonly PathTable _table = new();
    private readonly SourceStore _source = new(21);
    private readonly SourcePath _pattern = new SourceStore(22).Path("x", SourceEntry.File("x"));

    [Fact]
    public void FreshPath_IsNotForgottenForAnOldOneOfTheSameName()
    {
        var again = Add();
        for (var i = 0; i < PathTable.PathsMax / 2; i++)
        {
            // Removed and registered again: each time anew.
            _table.Remove(Key(again), (ulong)(2 * i) + 1);
            _table.Adopt(Key(again), again, (ulong)(2 * i) + 2);
        }

        var handles = Enumerable.Range(0, PathTable.PathsMax / 4).Select(_ => Add()).ToArray();

        Assert.Equal(handles.Length + 1, _table.Count);
        Assert.All(handles, handle => Assert.True(_table.TryGet(handle.BaseName.Span, out _)));
        Assert.True(_table.TryGet(again.BaseName.Span, out _));
    }

    [Fact]
    public void Table_IsBounded_AndForgetsTheOldestThatAreNotHeld()
    {
        var (held, first) = (Add(), Add());
        held.IsHeld = true;
        for (var i = 0; i < PathTable.PathsMax; i++)
        {
            Add();
        }

        Assert.Equal(PathTable.PathsMax, _table.Count);
        Assert.True(_table.TryGet(held.BaseName.Span, out _));
        Assert.False(_table.TryGet(first.BaseName.Span, out _));
    }

    [Fact]
    public void Trim_ForgetsWhatWasNotUsedLately_AndKeepsWhatIsHeld()
    {
        var handles = Enumerable.Range(0, 200).Select(_ => Add()).ToArray();
        foreach (var handle in handles[..50])
        {
            handle.IsHeld = true;
        }

        Assert.Empty(_table.Trim(0));
        Assert.True(_table.TryGet(handles[199].BaseName.Span, out _));
        var dropped = _table.Trim(0);

        Assert.Equal(149, dropped.Count);
        Assert.Equal(51, _table.Count);
        Assert.All(handles[..50], handle => Assert.True(_table.TryGet(handle.BaseName.Span, out _)));
        Assert.True(_table.TryGet(handles[199].BaseName.Span, out _));

        foreach (var handle in handles)
        {
            handle.IsHeld = false;
        }

        _table.Trim(10);
        _table.Trim(10);
        _table.Trim(10);
        Assert.Equal(10, _table.Count);
    }

    private static Key256 Key(PathHandle handle) => Key256.OfHashPart(handle.Path.BaseName);

    private PathHandle Add()
    {
        var handle = new PathHandle(_pattern.Info with { Path = StorePath.ParseBaseName(_source.Name("x")) }, _pattern.Manifest.Header);
        return _table.Adopt(Key(handle), handle, 1);
    }
}
