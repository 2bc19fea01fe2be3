using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Tests.Metadata;

public abstract partial class MetadataContract
{
    [Fact]
    public async Task Register_ThenQuery_ReturnsEveryField()
    {
        var reference = SamplePath.Create("reference");
        var sample = SamplePath.Create("sample", reference.Path, SamplePath.Name("sample"));
        var registration = sample.Registration with
        {
            Deriver = SamplePath.Name("sample.drv"),
            ContentAddress = "fixed:r:sha256:abc",
            Ultimate = true,
            Signatures = ["cache-1:QQ==", "cache-2:Qg=="],
            StoreSignatures = ["main-1:Qw=="],
        };
        await SamplePath.IndexAsync(Metadata, Main, reference, sample);

        var results = await Metadata.RegisterPathsAsync(Main, ChunkScope.All, [reference.Registration, registration], cancellationToken: Token);

        Assert.Equal([RegistrationOutcome.Registered, RegistrationOutcome.Registered], results.Select(result => result.Outcome));
        var found = Assert.Single(await Metadata.QueryPathsAsync(Main, [sample.Path.HashPart, new string('0', 32)], Token));
        Assert.Equivalent(results[1].Path, found, strict: true);
        Assert.Equal(sample.Path, found.Path);
        Assert.Equal(registration.NarHash, found.NarHash);
        Assert.Equal(registration.NarSize, found.NarSize);
        Assert.Equal([.. new[] { reference.Path, sample.Path }.Order()], found.References);
        Assert.Equal(registration.Deriver, found.Deriver);
        Assert.Equal("fixed:r:sha256:abc", found.ContentAddress);
        Assert.Equal(sample.Manifest.Digest, found.ManifestDigest);
        Assert.Equal(sample.Manifest.Header.ToBytes(), found.ManifestHeader);
        Assert.Equal(["cache-1:QQ==", "cache-2:Qg=="], found.Signatures);
        Assert.Equal(["main-1:Qw=="], found.StoreSignatures);
        Assert.True(found.Ultimate);
        Assert.Equal(2UL, found.Event);
    }

    [Fact]
    public async Task Register_SecondTime_IsAlreadyValidAndAddsSignatures()
    {
        var sample = SamplePath.Create("twice");
        await AddAsync(sample);

        var again = sample.Registration with { Signatures = ["new:QQ=="], StoreSignatures = ["main-1:never"] };
        var result = Assert.Single(await Metadata.RegisterPathsAsync(Main, ChunkScope.All, [again], cancellationToken: Token));

        Assert.Equal(RegistrationOutcome.AlreadyValid, result.Outcome);
        Assert.Equal(["new:QQ=="], result.Path!.Signatures);
        Assert.Empty(result.Path.StoreSignatures);
        var page = await Metadata.ReadEventsAsync(Main, default, 10, Token);
        Assert.Equal([StoreEventKind.Registered, StoreEventKind.SignaturesAdded], page.Events.Select(e => e.Kind));
        Assert.Equal(page.Head, page.Events[^1].Position);

        // Once more is no news.
        await Metadata.RegisterPathsAsync(Main, ChunkScope.All, [again], cancellationToken: Token);
        Assert.Equal(page.Head, await Metadata.GetHeadEventAsync(Main, Token));
    }

    [Fact]
    public async Task Register_OtherContent_IsConflictAndTheFirstStays()
    {
        var first = SamplePath.Create("same", [1, 2, 3]);
        var second = SamplePath.Create("same", [4, 5, 6]);
        await AddAsync(first);
        await SamplePath.IndexAsync(Metadata, Main, second);

        var result = Assert.Single(await Metadata.RegisterPathsAsync(Main, ChunkScope.All, [second.Registration], cancellationToken: Token));

        Assert.Equal(RegistrationOutcome.Conflict, result.Outcome);
        Assert.Equal(first.Registration.NarHash, result.Path!.NarHash);
        Assert.Equal(first.Manifest.Digest, Assert.Single(await Metadata.QueryPathsAsync(Main, [first.Path.HashPart], Token)).ManifestDigest);
    }

    [Fact]
    public async Task Register_MissingChunksAndWhatRefersToThem_LeavesTheRestValid()
    {
        var good = SamplePath.Create("good");
        var incomplete = SamplePath.Create("incomplete");
        var above = SamplePath.Create("above", incomplete.Path);
        var top = SamplePath.Create("top", above.Path);
        await SamplePath.IndexAsync(Metadata, Main, good, above, top);

        var results = await Metadata.RegisterPathsAsync(
            Main, ChunkScope.All, [incomplete.Registration, above.Registration, top.Registration, good.Registration], cancellationToken: Token);

        Assert.Equal(
            [
                RegistrationOutcome.MissingChunks, RegistrationOutcome.MissingReferences,
                RegistrationOutcome.MissingReferences, RegistrationOutcome.Registered,
            ],
            results.Select(result => result.Outcome));
        Assert.Equal(incomplete.Registration.ChunkIds, results[0].MissingChunks);
        Assert.Equal([incomplete.Path], results[1].MissingReferences);
        Assert.Equal([above.Path], results[2].MissingReferences);
        Assert.Equal(
            [good.Path],
            (await Metadata.QueryPathsAsync(Main, [.. results.Index().Select(item => Order()[item.Index].HashPart)], Token)).Select(path => path.Path));

        StorePath[] Order() => [incomplete.Path, above.Path, top.Path, good.Path];
    }

    [Fact]
    public async Task Register_ReferenceWithRightHashAndWrongName_IsMissing()
    {
        var sample = SamplePath.Create("real");
        await AddAsync(sample);
        var wrong = StorePath.ParseBaseName($"{sample.Path.HashPart}-other");
        var referrer = SamplePath.Create("referrer", wrong);
        await SamplePath.IndexAsync(Metadata, Main, referrer);

        var result = Assert.Single(await Metadata.RegisterPathsAsync(Main, ChunkScope.All, [referrer.Registration], cancellationToken: Token));

        Assert.Equal(RegistrationOutcome.MissingReferences, result.Outcome);
        Assert.Equal([wrong], result.MissingReferences);
    }

    [Fact]
    public async Task Register_SamePathTwiceInOneCall_RegistersOnce()
    {
        var sample = SamplePath.Create("double");
        var other = SamplePath.Create("double", [9, 9]);
        await SamplePath.IndexAsync(Metadata, Main, sample, other);

        var results = await Metadata.RegisterPathsAsync(
            Main, ChunkScope.All, [sample.Registration, sample.Registration, other.Registration], cancellationToken: Token);

        Assert.Equal(
            [RegistrationOutcome.Registered, RegistrationOutcome.AlreadyValid, RegistrationOutcome.Conflict],
            results.Select(result => result.Outcome));
        Assert.All(results, result => Assert.Equal(sample.Registration.NarHash, result.Path!.NarHash));
        Assert.Equal(1UL, (await Metadata.GetHeadEventAsync(Main, Token)).Number);
    }

    [Fact]
    public async Task Register_WithoutASectionThatTheManifestNames_Throws_AndOthersAreNotHurt()
    {
        var broken = SamplePath.Create("broken");
        var good = SamplePath.Create("good");
        await SamplePath.IndexAsync(Metadata, Main, broken, good);

        var failing = Metadata.RegisterPathsAsync(Main, ChunkScope.All, [broken.Registration with { Sections = [] }], cancellationToken: Token);
        var working = Metadata.RegisterPathsAsync(Main, ChunkScope.All, [good.Registration], cancellationToken: Token);

        await Assert.ThrowsAsync<ArgumentException>(() => failing);
        Assert.Equal(RegistrationOutcome.Registered, Assert.Single(await working).Outcome);
        Assert.Empty(await Metadata.QueryPathsAsync(Main, [broken.Path.HashPart], Token));
    }

    [Fact]
    public async Task Register_IntoAStoreThatDoesNotExist_Throws_AndLeavesNothing()
    {
        var sample = SamplePath.Create("a");
        await SamplePath.IndexAsync(Metadata, Main, [sample]);

        await Assert.ThrowsAsync<ArgumentException>(
            () => Metadata.RegisterPathsAsync(new StoreId(Main.Value + 1), ChunkScope.All, [sample.Registration], cancellationToken: Token));

        Assert.Equal(0, (await Metadata.GetStatisticsAsync(Token)).Sections);
        await AddAsync(sample);
    }

    [Fact]
    public async Task Register_ChunkOfAStoreOutOfScope_IsMissingUntilItIsSharedWithThisOne()
    {
        var other = await CreateStoreAsync("other");
        var sample = SamplePath.Create("secret");
        await AddAsync(sample);

        var hidden = Assert.Single(
            await Metadata.RegisterPathsAsync(other.Id, ChunkScope.Of(other.Id), [sample.Registration], cancellationToken: Token));
        Assert.Equal(RegistrationOutcome.MissingChunks, hidden.Outcome);
        Assert.True(Assert.Single(await Metadata.FindMissingChunksAsync(ChunkScope.Of(other.Id), [sample.Uploads[0].Id], Token)));
        Assert.True(Assert.Single(await Metadata.FindMissingChunksAsync(ChunkScope.Of(), [sample.Uploads[0].Id], Token)));
        Assert.False(Assert.Single(await Metadata.FindMissingChunksAsync(ChunkScope.Of(other.Id, Main), [sample.Uploads[0].Id], Token)));

        await Metadata.ShareChunksAsync(other.Id, [sample.Uploads[0].Id], Token);
        var shown = Assert.Single(
            await Metadata.RegisterPathsAsync(other.Id, ChunkScope.Of(other.Id), [sample.Registration], cancellationToken: Token));
        Assert.Equal(RegistrationOutcome.Registered, shown.Outcome);
    }

    [Fact]
    public async Task Register_IntoASecondStoreByOneWhoReadsBoth_MakesChunksVisibleThere()
    {
        var other = await CreateStoreAsync("other");
        var sample = SamplePath.Create("shared");
        await AddAsync(sample);

        await Metadata.RegisterPathsAsync(other.Id, ChunkScope.Of(Main, other.Id), [sample.Registration], cancellationToken: Token);

        Assert.False(Assert.Single(await Metadata.FindMissingChunksAsync(ChunkScope.Of(other.Id), [sample.Uploads[0].Id], Token)));
        Assert.Equal(1, (await Metadata.GetStatisticsAsync(Token)).Manifests);
        Assert.Equal(1UL, (await Metadata.GetHeadEventAsync(other.Id, Token)).Number);
    }

    [Fact]
    public async Task Revoke_NeedsReferrersAlong_AndThePathMayComeBackOtherwise()
    {
        var bottom = SamplePath.Create("bottom", [1]);
        var top = SamplePath.Create("top", bottom.Path);
        await AddAsync(bottom, top);
        await Metadata.SetRootsAsync(Main, "host", [new NewRoot(RootKind.Permanent, "root", bottom.Path)], Token);

        var refused = await Metadata.RevokePathsAsync(Main, [bottom.Path], Token);
        Assert.Equal([top.Path], refused.Referrers);
        Assert.Empty(refused.Revoked);
        Assert.Equal(2, (await Metadata.QueryPathsAsync(Main, [bottom.Path.HashPart, top.Path.HashPart], Token)).Count);

        var done = await Metadata.RevokePathsAsync(Main, [bottom.Path, top.Path, SamplePath.Name("unknown")], Token);
        Assert.Equal([.. new[] { bottom.Path, top.Path }.Order()], done.Revoked);
        Assert.Empty(await Metadata.QueryPathsAsync(Main, [bottom.Path.HashPart, top.Path.HashPart], Token));
        Assert.Equal(bottom.Path, Assert.Single(await Metadata.ListRootsAsync(Main, Token)).Target);
        Assert.Empty(await Metadata.GetLocationsAsync(Main, [bottom.Manifest.Digest], Token));

        var otherwise = SamplePath.Create("bottom", [2, 2]);
        var back = Assert.Single(await AddAsync(otherwise));
        Assert.Equal(otherwise.Manifest.Digest, back.ManifestDigest);
        Assert.Equal(5UL, back.Event);
    }

    [Fact]
    public async Task AddSignatures_OfAValidPath_ShowsThem()
    {
        var sample = SamplePath.Create("signed");
        await AddAsync(sample);

        var first = new PathSignatures(sample.Path, ["a:QQ=="]) { StoreSignatures = ["main-2:Qg=="] };
        Assert.Empty((await Metadata.AddSignaturesAsync(Main, [first], Token)).NotValid);
        Assert.Equal(
            [SamplePath.Name("nothing")],
            (await Metadata.AddSignaturesAsync(
                Main, [new PathSignatures(sample.Path, ["a:QQ=="]), new PathSignatures(SamplePath.Name("nothing"), ["a:QQ=="])], Token)).NotValid);

        var found = Assert.Single(await Metadata.QueryPathsAsync(Main, [sample.Path.HashPart], Token));
        Assert.Equal(["a:QQ=="], found.Signatures);
        Assert.Equal(["main-2:Qg=="], found.StoreSignatures);
    }

    [Fact]
    public async Task AddSignatures_MoreThanAPathMayHave_KeepsTheFirstOnesAndSaysSo()
    {
        var sample = SamplePath.Create("much-signed");
        await AddAsync(sample);
        string[] texts = [.. Enumerable.Range(0, PathSignatures.CountMax).Select(number => $"key-{number:d3}:QQ==")];
        Assert.Empty((await Metadata.AddSignaturesAsync(Main, [new PathSignatures(sample.Path, texts[..^1])], Token)).Full);
        var head = await Metadata.GetHeadEventAsync(Main, Token);

        var over = await Metadata.AddSignaturesAsync(Main, [new PathSignatures(sample.Path, [texts[0], texts[^1], "late:QQ=="])], Token);

        Assert.Equal([sample.Path], over.Full);
        Assert.Equal(texts, Assert.Single(await Metadata.QueryPathsAsync(Main, [sample.Path.HashPart], Token)).Signatures.Order(StringComparer.Ordinal));
        Assert.Equal(head.Number + 1, (await Metadata.GetHeadEventAsync(Main, Token)).Number);

        // Those that come along with a registration find no other rule, and are no news where none of them fits.
        var again = sample.Registration with { Signatures = ["later:QQ=="] };
        var result = Assert.Single(await Metadata.RegisterPathsAsync(Main, ChunkScope.All, [again], cancellationToken: Token));
        Assert.Equal(PathSignatures.CountMax, result.Path!.Signatures.Count);
        Assert.Equal(head.Number + 1, (await Metadata.GetHeadEventAsync(Main, Token)).Number);
    }

    [Fact]
    public async Task Locations_TellPackAndRangeOfEachOrdinal()
    {
        var random = new Random(5);
        byte[] content = new byte[1_500_000];
        random.NextBytes(content);
        var big = SamplePath.Create("big", content);
        var twin = SamplePath.Create("twin", content);
        var other = await CreateStoreAsync("other");
        await AddAsync(big, twin);

        var locations = Assert.Single(await Metadata.GetLocationsAsync(Main, [big.Manifest.Digest, ManifestDigest.Compute([])], Token));

        Assert.True(locations.Chunks.Count > 4);
        Assert.Equal(
            await Metadata.FindChunksAsync(ChunkScope.All, big.Registration.ChunkIds, Token),
            locations.Chunks.Select(chunk => (ChunkLocation?)chunk));
        Assert.Equal(big.Uploads.Select(upload => upload.PlainLength), locations.Chunks.Select(chunk => chunk.PlainLength));
        Assert.Empty(await Metadata.GetLocationsAsync(other.Id, [big.Manifest.Digest], Token));
    }

    [Fact]
    public async Task Sections_AreStoredOnceAndReadWithAManifestOfTheStore()
    {
        var sample = SamplePath.Create("one", [1, 2, 3]);
        var same = SamplePath.Create("two", [1, 2, 3]);
        var other = await CreateStoreAsync("other");
        await AddAsync(sample, same);
        var tree = sample.Manifest.Header.GetDigest(ManifestSection.Tree);

        var found = Assert.Single(await Metadata.GetSectionsAsync(
            Main, [new SectionName(sample.Manifest.Digest, tree), new SectionName(sample.Manifest.Digest, SectionDigest.Compute([]))], Token));
        Assert.Equal(sample.Registration.Sections.Single(section => section.Digest == tree).Zstd.ToArray(), found.Zstd.ToArray());
        Assert.Equal(sample.Manifest.Tree.Length, found.PlainLength);
        Assert.Empty(await Metadata.GetSectionsAsync(other.Id, [new SectionName(sample.Manifest.Digest, tree)], Token));
        Assert.Equal(sample.Registration.Sections.Count, (await Metadata.GetStatisticsAsync(Token)).Sections);

        var small = await Metadata.GetSmallSectionsAsync([sample.Manifest.Digest], int.MaxValue, Token);
        Assert.Equal(sample.Registration.Sections.Select(section => section.Digest).Order(), small.Select(item => item.Section.Digest).Order());
        Assert.Empty(await Metadata.GetSmallSectionsAsync([sample.Manifest.Digest], 1, Token));
    }

    [Fact]
    public async Task Register_UnlessRemoved_RefusesWhatWasRemovedSinceAndOnlyThat()
    {
        var removed = SamplePath.Create("removed");
        var other = SamplePath.Create("other");
        await AddAsync(removed);
        ulong before = (await Metadata.GetHeadEventAsync(Main, Token)).Number;
        await Metadata.RevokePathsAsync(Main, [removed.Path], Token);
        ulong after = (await Metadata.GetHeadEventAsync(Main, Token)).Number;
        await SamplePath.IndexAsync(Metadata, Main, removed, other);

        var results = await Metadata.RegisterPathsAsync(
            Main,
            ChunkScope.All,
            [removed.Registration with { UnlessRemovedAfter = before }, other.Registration with { UnlessRemovedAfter = before }],
            cancellationToken: Token);

        Assert.Equal([RegistrationOutcome.Removed, RegistrationOutcome.Registered], results.Select(result => result.Outcome));
        Assert.Empty(await Metadata.QueryPathsAsync(Main, [removed.Path.HashPart], Token));

        // Behind the removal it is wanted again, and then valid, whatever an older one says.
        var again = Assert.Single(await Metadata.RegisterPathsAsync(
            Main, ChunkScope.All, [removed.Registration with { UnlessRemovedAfter = after }], cancellationToken: Token));
        Assert.Equal(RegistrationOutcome.Registered, again.Outcome);
        var late = Assert.Single(await Metadata.RegisterPathsAsync(
            Main, ChunkScope.All, [removed.Registration with { UnlessRemovedAfter = before }], cancellationToken: Token));
        Assert.Equal(RegistrationOutcome.AlreadyValid, late.Outcome);
    }

    [Fact]
    public async Task Register_TheSamePathWithAndWithoutCondition_IsRegistered()
    {
        var removed = SamplePath.Create("removed");
        await AddAsync(removed);
        ulong before = (await Metadata.GetHeadEventAsync(Main, Token)).Number;
        await Metadata.RevokePathsAsync(Main, [removed.Path], Token);
        await SamplePath.IndexAsync(Metadata, Main, removed);

        var results = await Metadata.RegisterPathsAsync(
            Main, ChunkScope.All, [removed.Registration with { UnlessRemovedAfter = before }, removed.Registration], cancellationToken: Token);

        Assert.Equal([RegistrationOutcome.Removed, RegistrationOutcome.Registered], results.Select(result => result.Outcome));
    }
}
