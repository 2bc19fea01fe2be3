using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Tests.Metadata;

public abstract partial class MetadataContract
{
    [Fact]
    public async Task Events_RevocationFollowsRegistration()
    {
        var sample = SamplePath.Create("short-lived");
        await AddAsync(sample);
        await Metadata.RevokePathsAsync(Main, [sample.Path], Token);

        var page = await Metadata.ReadEventsAsync(Main, default, 10, Token);

        Assert.Equal(
            [(1UL, StoreEventKind.Registered, sample.Path), (2UL, StoreEventKind.Removed, sample.Path)],
            page.Events.Select(e => (e.Number, e.Kind, e.Path)));
        Assert.All(page.Events, e => Assert.NotEqual(default, e.Id));
        Assert.NotEqual(page.Events[0].Id, page.Events[1].Id);
        Assert.Equal(page.Events[1].Position, await Metadata.GetHeadEventAsync(Main, Token));
    }

    [Fact]
    public async Task Events_OlderThanKept_AskForAResync()
    {
        var keeping = await OpenAsync(new MetadataStoreOptions { EventsKept = 20 });
        var samples = Enumerable.Range(0, 50).Select(i => SamplePath.Create($"old-{i}")).ToArray();
        await SamplePath.IndexAsync(Metadata, Main, samples);
        var positions = new List<EventPosition> { default };
        foreach (var sample in samples)
        {
            await keeping.RegisterPathsAsync(Main, ChunkScope.All, [sample.Registration], cancellationToken: Token);
            positions.Add(await keeping.GetHeadEventAsync(Main, Token));
        }

        var old = await keeping.ReadEventsAsync(Main, positions[3], 100, Token);
        Assert.True(old.Resync);
        Assert.Empty(old.Events);
        Assert.Equal(positions[50], old.Head);
        Assert.Equal(positions[50], old.Behind(positions[3]));

        // The very last of those that were forgotten is a place to go on from all the same.
        Assert.Equal(20, (await keeping.ReadEventsAsync(Main, positions[30], 100, Token)).Events.Count);
        var recent = await keeping.ReadEventsAsync(Main, positions[40], 100, Token);
        Assert.False(recent.Resync);
        Assert.Equal(positions[41..], recent.Events.Select(item => item.Position));
        Assert.True((await keeping.ReadEventsAsync(Main, positions[50] with { Number = 51 }, 100, Token)).Resync);
        Assert.Equal(3, (await keeping.ReadEventsAsync(Main, positions[45], 3, Token)).Events.Count);
    }

    [Theory]
    [InlineData(0)] // lower than what the follower saw
    [InlineData(2)] // just as high
    [InlineData(5)] // higher: the number alone does not tell
    public async Task Events_DatabaseRestoredAndGrownSince_AskForAResync(int grown)
    {
        var kept = SamplePath.Create("kept");
        var (lost, alsoLost) = (SamplePath.Create("lost"), SamplePath.Create("also-lost"));
        await AddAsync(kept);
        var before = await Metadata.GetHeadEventAsync(Main, Token);
        await BackUpAsync();
        await ReopenAsync();
        await AddAsync(lost);
        await AddAsync(alsoLost);
        var after = await Metadata.GetHeadEventAsync(Main, Token);

        await RestoreAsync();
        await ReopenAsync();
        for (int i = 0; i < grown; i++)
        {
            await AddAsync(SamplePath.Create($"since-{i}"));
        }

        var head = await Metadata.GetHeadEventAsync(Main, Token);
        Assert.Equal(1UL + (ulong)grown, head.Number);
        var page = await Metadata.ReadEventsAsync(Main, after, 100, Token);
        Assert.True(page.Resync);
        Assert.Equal(head, page.Behind(after));

        // A follower that had not gone beyond the backup goes on without one.
        var known = await Metadata.ReadEventsAsync(Main, before, 100, Token);
        Assert.False(known.Resync);
        Assert.Equal(grown, known.Events.Count);
    }

    [Fact]
    public async Task Wait_HeadIsAnotherEventOfTheSameNumber_ReturnsAtOnce()
    {
        await AddAsync(SamplePath.Create("one"));
        var head = await Metadata.GetHeadEventAsync(Main, Token);
        var other = head with { Id = StoreEventId.Create() };

        await Metadata.WaitForEventsAsync(Main, other, TimeSpan.FromMinutes(5), Token).WaitAsync(TimeSpan.FromSeconds(60), Token);
    }

    [Fact]
    public async Task Tokens_AskedForTogether_AnswersEach()
    {
        byte[][] hashes = [.. Enumerable.Range(0, 4).Select(number => System.Security.Cryptography.SHA256.HashData([(byte)number]))];
        foreach (var hash in hashes[..3])
        {
            var token = await Metadata.CreateTokenAsync(
                new NewToken(hash, "test", AccessRights.Read, new Dictionary<StoreId, AccessRights>()), Token);
            if (hash == hashes[1])
            {
                await Metadata.RevokeTokenAsync(token.Id, Token);
            }
        }

        Assert.Equal([true, false, true, false, true], await Metadata.AreTokensActiveAsync([.. hashes, hashes[0]], Token));
        Assert.Empty(await Metadata.AreTokensActiveAsync([], Token));
    }

    /// <summary>Closes everything, as for a restore: what was open before must not be used again.</summary>
    private async Task ReopenAsync()
    {
        await CloseAllAsync();
        Metadata = await OpenAsync();
    }
}
