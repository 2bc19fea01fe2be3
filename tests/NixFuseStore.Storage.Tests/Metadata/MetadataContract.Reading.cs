using NixFuseStore.Nix;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Tests.Metadata;

public abstract partial class MetadataContract
{
    [Fact]
    public async Task List_GoesInBytewiseOrderByPrefixAfterAndLimit()
    {
        var samples = Enumerable.Range(0, 300).Select(i => SamplePath.Create($"path-{i}")).ToArray();
        await AddAsync(samples);
        StorePath[] ordered = [.. samples.Select(sample => sample.Path).Order()];

        Assert.Equal(ordered, (await ListAsync("", "", 0)).Select(entry => entry.Path));
        Assert.Equal(ordered[..7], (await ListAsync("", "", 7)).Select(entry => entry.Path));
        Assert.Equal(ordered[100..110], (await ListAsync("", ordered[99].BaseName, 10)).Select(entry => entry.Path));
        string prefix = ordered[42].BaseName[..1];
        Assert.Equal(ordered.Where(path => path.BaseName.StartsWith(prefix, StringComparison.Ordinal)), (await ListAsync(prefix, "", 0)).Select(entry => entry.Path));
        Assert.Equal([ordered[42]], (await ListAsync(ordered[42].BaseName, "", 0)).Select(entry => entry.Path));
        Assert.Empty(await ListAsync(ordered[42].BaseName + "x", "", 0));
        Assert.Empty(await ListAsync("", ordered[^1].BaseName, 0));
        var first = (await ListAsync(samples[0].Path.BaseName, "", 0))[0];
        Assert.Equal((NixFuseStore.Content.EntryKind.Regular, false), (first.RootKind, first.RootIsExecutable));
        Assert.Equal(samples[0].Manifest.Header.RootSize, first.RootSize);
    }

    [Fact]
    public async Task List_LongerThanOneBatch_IsComplete()
    {
        var samples = Enumerable.Range(0, 4_100).Select(i => SamplePath.Create($"many-{i}")).ToArray();
        await AddAsync(samples);

        var listed = await ListAsync("", "", 0);

        Assert.Equal(samples.Select(sample => sample.Path).Order(), listed.Select(entry => entry.Path));
    }

    [Fact]
    public async Task Closure_HasRootsFirstAndNearerOnesBefore()
    {
        // top -> middle -> bottom, top -> bottom; alone stands apart.
        var bottom = SamplePath.Create("bottom", SamplePath.Name("bottom"));
        var middle = SamplePath.Create("middle", bottom.Path);
        var top = SamplePath.Create("top", middle.Path);
        var alone = SamplePath.Create("alone");
        await AddAsync(bottom, middle, top, alone);

        var closure = await Metadata.GetClosureAsync(
            Main, [top.Path.HashPart, alone.Path.HashPart, new string('1', 32)], 100, cancellationToken: Token);

        Assert.Equal([top.Path, alone.Path, middle.Path, bottom.Path], closure.Paths.Select(path => path.Path));
        Assert.Equal([new string('1', 32)], closure.NotValid);
        Assert.False(closure.Truncated);

        var cut = await Metadata.GetClosureAsync(Main, [top.Path.HashPart], 2, cancellationToken: Token);
        Assert.Equal([top.Path, middle.Path], cut.Paths.Select(path => path.Path));
        Assert.True(cut.Truncated);

        var alike = await Metadata.GetClosureAsync(Main, [top.Path.HashPart], 100, withReferences: false, Token);
        Assert.Equal([top.Path], alike.Paths.Select(path => path.Path));
    }

    [Fact]
    public async Task QueryPaths_ThousandAtOnce_FindsTheValidOnes()
    {
        var samples = Enumerable.Range(0, 1_000).Select(i => SamplePath.Create($"query-{i}")).ToArray();
        await AddAsync(samples[..500]);

        var found = await Metadata.QueryPathsAsync(Main, [.. samples.Select(sample => sample.Path.HashPart)], Token);

        Assert.Equal(samples[..500].Select(sample => sample.Path).Order(), found.Select(path => path.Path).Order());
    }

    private async Task<List<PathListEntry>> ListAsync(string prefix, string after, int limit)
    {
        var entries = new List<PathListEntry>();
        await foreach (var batch in Metadata.ListPathsAsync(Main, prefix, after, limit, Token))
        {
            Assert.NotEmpty(batch);
            entries.AddRange(batch);
        }

        return entries;
    }
}
