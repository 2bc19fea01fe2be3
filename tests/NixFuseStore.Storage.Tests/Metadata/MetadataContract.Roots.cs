using System.Globalization;
using NixFuseStore.Nix;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Tests.Metadata;

public abstract partial class MetadataContract
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task SetRoots_ListAndRemove_ByHostAndLink()
    {
        var (a, b) = (SamplePath.Name("a"), SamplePath.Name("not-valid"));
        await Metadata.SetRootsAsync(
            Main, "one", [new NewRoot(RootKind.Indirect, "/home/x/result", a, Minute), new NewRoot(RootKind.Permanent, "/gcroots/p", b)], Token);
        await Metadata.SetRootsAsync(Main, "two", [new NewRoot(RootKind.Permanent, "/gcroots/p", a)], Token);

        var roots = await Metadata.ListRootsAsync(Main, Token);
        Assert.Equal(
            [(RootKind.Permanent, "one", "/gcroots/p", b), (RootKind.Indirect, "one", "/home/x/result", a), (RootKind.Permanent, "two", "/gcroots/p", a)],
            roots.Select(root => (root.Kind, root.Host, root.Link, root.Target)));
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        Assert.All(roots, root => Assert.InRange(root.Created, now - 60, now + 60));
        Assert.Equal([false, true, false], roots.Select(root => root.LeaseUntil is not null));
        Assert.InRange(roots[1].LeaseUntil!.Value, now, now + 120);

        Assert.Equal(["/gcroots/p"], await Metadata.RemoveRootsAsync(Main, "one", ["/gcroots/p", "/nowhere"], Token));
        Assert.Empty(await Metadata.RemoveRootsAsync(Main, "one", ["/gcroots/p"], Token));
        Assert.Equal(["one", "two"], (await Metadata.ListRootsAsync(Main, Token)).Select(root => root.Host));
        Assert.Empty(await Metadata.ListRootsAsync((await CreateStoreAsync("other")).Id, Token));
    }

    [Fact]
    public async Task SetRoots_SameLink_TheLastCounts_LeaseIncluded()
    {
        var (a, b) = (SamplePath.Name("a"), SamplePath.Name("b"));
        await Metadata.SetRootsAsync(
            Main, "one", [new NewRoot(RootKind.Indirect, "link", a, Minute), new NewRoot(RootKind.Indirect, "link", b, Minute)], Token);
        Assert.Equal(b, Assert.Single(await Metadata.ListRootsAsync(Main, Token)).Target);

        await Metadata.SetRootsAsync(Main, "one", [new NewRoot(RootKind.Permanent, "link", a)], Token);
        var root = Assert.Single(await Metadata.ListRootsAsync(Main, Token));
        Assert.Equal((RootKind.Permanent, a, null), (root.Kind, root.Target, root.LeaseUntil));

        await Metadata.SetRootsAsync(Main, "one", [new NewRoot(RootKind.Indirect, "link", a, TimeSpan.FromMilliseconds(1))], Token);
        await WaitUntilAsync(async () => (await Metadata.ListRootsAsync(Main, Token)).Count == 0);
    }

    [Fact]
    public async Task Session_KeepsTemporaryRoots_UntilItsLeaseRunsOut()
    {
        var (valid, coming) = (SamplePath.Create("valid"), SamplePath.Name("coming"));
        await AddAsync(valid);
        var session = await Metadata.OpenSessionAsync(Main, "token 1", "host", Minute, Token);

        Assert.True(await Metadata.AddTemporaryRootsAsync(session, [valid.Path, coming], Token));
        Assert.True(await Metadata.AddTemporaryRootsAsync(session, [valid.Path], Token));
        var roots = await Metadata.ListRootsAsync(Main, Token);
        Assert.Equal([.. new[] { valid.Path, coming }.Order()], roots.Select(root => root.Target));
        Assert.All(roots, root => Assert.Equal((RootKind.Temporary, "host", $"{{temp:{session.Number}}}"), (root.Kind, root.Host, root.Link)));

        Assert.True(await Metadata.RenewSessionAsync(session, TimeSpan.FromMilliseconds(1), Token));
        await WaitUntilAsync(async () => (await Metadata.ListRootsAsync(Main, Token)).Count == 0);
        Assert.False(await Metadata.RenewSessionAsync(session, Minute, Token));
        Assert.False(await Metadata.AddTemporaryRootsAsync(session, [valid.Path], Token));
        await Metadata.CloseSessionAsync(session, Token);
        Assert.True((await Metadata.OpenSessionAsync(Main, "token 1", "host", Minute, Token)).Number > session.Number);
    }

    [Fact]
    public async Task RemoveTemporaryRoots_TakesThoseOfThatSessionAlone()
    {
        var (a, b) = (SamplePath.Name("a"), SamplePath.Name("b"));
        var one = await Metadata.OpenSessionAsync(Main, "token 1", "host", Minute, Token);
        var two = await Metadata.OpenSessionAsync(Main, "token 1", "host", Minute, Token);
        await Metadata.AddTemporaryRootsAsync(one, [a, b], Token);
        await Metadata.AddTemporaryRootsAsync(two, [a], Token);

        await Metadata.RemoveTemporaryRootsAsync(one, [a, a, SamplePath.Name("none")], Token);
        Assert.Equal([(one.Number, b), (two.Number, a)], await ListAsync());

        Assert.True(await Metadata.AddTemporaryRootsAsync(one, [a], Token));
        await Metadata.RemoveTemporaryRootsAsync(one, [], Token);
        await Metadata.RemoveTemporaryRootsAsync(one, [b], Token);
        await Metadata.RemoveTemporaryRootsAsync(two, [a], Token);
        Assert.Equal([(one.Number, a)], await ListAsync());

        await Metadata.CloseSessionAsync(one, Token);
        await Metadata.RemoveTemporaryRootsAsync(one, [a], Token);

        async Task<IEnumerable<(long Session, StorePath Target)>> ListAsync() =>
            (await Metadata.ListRootsAsync(Main, Token)).Select(root => (long.Parse(root.Link["{temp:".Length..^1], CultureInfo.InvariantCulture), root.Target));
    }

    [Fact]
    public async Task Session_OfAnotherOwnerOrStore_IsNotFound()
    {
        var other = await CreateStoreAsync("other");
        var session = await Metadata.OpenSessionAsync(Main, "token 1", "host", Minute, Token);
        Assert.True(await Metadata.AddTemporaryRootsAsync(session, [SamplePath.Name("a")], Token));

        foreach (var wrong in new[] { session with { Owner = "token 2" }, session with { Store = other.Id }, session with { Number = 999 } })
        {
            Assert.False(await Metadata.RenewSessionAsync(wrong, Minute, Token));
            Assert.False(await Metadata.AddTemporaryRootsAsync(wrong, [SamplePath.Name("b")], Token));
            await Metadata.RemoveTemporaryRootsAsync(wrong, [SamplePath.Name("a")], Token);
            await Metadata.CloseSessionAsync(wrong, Token);
        }

        Assert.Equal(SamplePath.Name("a"), Assert.Single(await Metadata.ListRootsAsync(Main, Token)).Target);
        await Metadata.CloseSessionAsync(session, Token);
        Assert.Empty(await Metadata.ListRootsAsync(Main, Token));
        Assert.False(await Metadata.RenewSessionAsync(session, Minute, Token));
    }

    [Fact]
    public async Task ListByLiveness_RootsKeepReferencesAndDerivers()
    {
        // root -> middle -> bottom; root's deriver refers to source; its other output and the loose ones are nobody's.
        var bottom = SamplePath.Create("bottom");
        var middle = SamplePath.Create("middle", bottom.Path, SamplePath.Name("middle"));
        var source = SamplePath.Create("source");
        var derivation = SamplePath.Create("root.drv", source.Path);
        var root = SamplePath.Create("root", middle.Path);
        var output = SamplePath.Create("root-dev");
        var temporary = SamplePath.Create("temporary");
        var loose = SamplePath.Create("loose", bottom.Path);
        SamplePath[] all = [bottom, middle, source, derivation, root, output, temporary, loose];
        await SamplePath.IndexAsync(Metadata, Main, all);
        await Metadata.RegisterPathsAsync(
            Main,
            ChunkScope.All,
            [.. all.Select(sample => sample == root ? sample.Registration with { Deriver = derivation.Path } : sample.Registration)],
            cancellationToken: Token);
        Assert.Empty(await ListByLivenessAsync(live: true));
        Assert.Equal([.. all.Select(sample => sample.Path).Order()], await ListByLivenessAsync(live: false));

        await Metadata.SetRootsAsync(
            Main,
            "host",
            [
                new NewRoot(RootKind.Permanent, "r", root.Path), new NewRoot(RootKind.Permanent, "gone", SamplePath.Name("gone")),
                new NewRoot(RootKind.Indirect, "old", loose.Path, TimeSpan.Zero),
            ],
            Token);
        var session = await Metadata.OpenSessionAsync(Main, "owner", "host", Minute, Token);
        await Metadata.AddTemporaryRootsAsync(session, [temporary.Path], Token);
        StorePath[] live = [.. new[] { bottom, middle, source, derivation, root, temporary }.Select(sample => sample.Path).Order()];
        Assert.Equal(live, await ListByLivenessAsync(live: true));
        Assert.Equal([.. new[] { output.Path, loose.Path }.Order()], await ListByLivenessAsync(live: false));

        await Metadata.CloseSessionAsync(session, Token);
        Assert.DoesNotContain(temporary.Path, await ListByLivenessAsync(live: true));
    }

    [Fact]
    public async Task ListByLiveness_ThousandsOfPaths_ComeInBatchesAndSoon()
    {
        var samples = new List<SamplePath>();
        for (int i = 0; i < 4_500; i++)
        {
            samples.Add(SamplePath.Create($"chain-{i}", i == 0 ? [] : [.. new[] { i - 1, i / 2 }.Distinct().Select(to => samples[to].Path)]));
        }

        await AddAsync([.. samples]);
        await Metadata.SetRootsAsync(Main, "host", [new NewRoot(RootKind.Permanent, "top", samples[^1].Path)], Token);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(Token);
        timeout.CancelAfter(TimeSpan.FromSeconds(30));
        int batches = 0;
        var found = new List<StorePath>();
        await foreach (var batch in Metadata.ListByLivenessAsync(Main, live: true, timeout.Token))
        {
            batches++;
            found.AddRange(batch);
        }

        Assert.Equal([.. samples.Select(sample => sample.Path).Order()], found);
        Assert.InRange(batches, 2, 10);
        Assert.Empty(await ListByLivenessAsync(live: false));
    }

    private async Task<List<StorePath>> ListByLivenessAsync(bool live)
    {
        var paths = new List<StorePath>();
        await foreach (var batch in Metadata.ListByLivenessAsync(Main, live, Token))
        {
            Assert.NotEmpty(batch);
            paths.AddRange(batch);
        }

        return paths;
    }

    private static async Task WaitUntilAsync(Func<Task<bool>> condition)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(Token);
        timeout.CancelAfter(TimeSpan.FromSeconds(60));
        while (!await condition())
        {
            await Task.Delay(5, timeout.Token);
        }
    }
}
