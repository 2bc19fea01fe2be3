using System.Security.Cryptography;
using System.Text;
using NixFuseStore.Native.Compression;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Realisations;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Tests.Metadata;

public abstract partial class MetadataContract
{
    private static readonly TimeSpan Instant = TimeSpan.FromMilliseconds(1);
    private static readonly SamplePath DerivationFile = SamplePath.Create("hello.drv");
    private static readonly StorePath Derivation = DerivationFile.Path;

    [Fact]
    public async Task Claim_TheFirstBuilds_TheOthersWait()
    {
        var owned = await ClaimAsync("a");
        Assert.True(owned.Owned > 0);
        Assert.Null(owned.Open);

        var waiting = await ClaimAsync("b", claims: false);
        Assert.Equal((0, owned.Owned), (waiting.Owned, waiting.Open!.Number));
        Assert.Equal((Derivation, "host a", new BuildWishes(1, 2, 3, KeepFailed: true)), (waiting.Open.Derivation, waiting.Open.Host, waiting.Open.Wishes));
        Assert.Equal(SHA256.HashData("text a"u8), waiting.Open.TextHash.ToArray());
        Assert.Equal(owned.Owned, (await ClaimAsync("c")).Open!.Number);

        // Who waits is counted, and those who wait no more are not.
        Assert.Equal(2, (await RenewAsync(owned.Owned, "a"))!.Waiters);
        await Metadata.KeepWaitingAsync(Main, owned.Owned, "waiter b", TimeSpan.Zero, Token);
        Assert.Equal(1, (await RenewAsync(owned.Owned, "a"))!.Waiters);
        var listed = Assert.Single(await Metadata.ListBuildsAsync(Main, Token));
        Assert.Equal((owned.Owned, 1), (listed.Number, listed.Waiters));

        // Other outputs, and other stores, are nothing to it.
        Assert.True((await ClaimAsync("b", outputs: "others")).Owned > owned.Owned);
        var other = (await CreateStoreAsync("other")).Id;
        Assert.True((await Metadata.ClaimBuildAsync(other, Request("b"), claims: true, mayTakeOver: true, Minute, Token)).Owned > owned.Owned);
        Assert.Null(await Metadata.RenewBuildAsync(other, owned.Owned, "a", Minute, 0, default, Token));
        Assert.Null(await Metadata.FollowBuildAsync(other, owned.Owned, 0, Token));
        Assert.False(await Metadata.CancelBuildAsync(other, owned.Owned, Token));
    }

    [Fact]
    public async Task Claim_OfValidOutputs_BeginsNothing()
    {
        var output = SamplePath.Create("outputs");
        await AddAsync(output);
        foreach (bool claims in (bool[])[true, false])
        {
            Assert.Equal(new BuildClaim(0, null, IsValid: true), await ClaimAsync("a", claims));
        }

        var both = Request("a") with { Outputs = [output.Path, SamplePath.Name("not-valid")] };
        Assert.True((await Metadata.ClaimBuildAsync(Main, both, claims: true, mayTakeOver: true, Minute, Token)).Owned > 0);
    }

    [Fact]
    public async Task Claim_AgainBySameHost_IsTheSameExecution()
    {
        var owned = await ClaimAsync("a");
        Assert.Equal(owned, await ClaimAsync("a"));
        Assert.Equal(0, (await RenewAsync(owned.Owned, "a"))!.Waiters);
        Assert.Equal(0, (await Metadata.ClaimBuildAsync(Main, Request("a") with { Owner = "b" }, claims: true, mayTakeOver: true, Minute, Token)).Owned);
    }

    [Fact]
    public async Task Claim_NotReadyToBuild_BeginsNothing()
    {
        Assert.Equal(new BuildClaim(0, null), await ClaimAsync("a", claims: false));
        Assert.Empty(await Metadata.ListBuildsAsync(Main, Token));
    }

    [Fact]
    public async Task Claim_ManyAtOnce_OneBuilds()
    {
        var second = await OpenAsync();
        for (int round = 0; round < 10; round++)
        {
            var claims = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => (i % 2 == 0 ? Metadata : second).ClaimBuildAsync(
                Main, Request($"{i}", $"outputs {round}"), claims: true, mayTakeOver: true, Minute, Token))));
            long number = Assert.Single(claims, claim => claim.Owned > 0).Owned;
            Assert.All(claims, claim => Assert.Equal(number, claim.Open?.Number ?? claim.Owned));
        }
    }

    [Fact]
    public async Task Lease_RunOut_OnlyLetsAnotherTakeOver_AndThenAllOfTheOldOneIsVoid()
    {
        var sample = SamplePath.Create("output");
        await SamplePath.IndexAsync(Metadata, Main, sample);
        var old = await ClaimAsync("a", lease: Instant);
        await Task.Delay(20, Token);

        // 1. Whoever may not take over waits, who is not ready takes nothing over, and the owner goes on.
        Assert.Equal(new BuildClaim(0, null), await ClaimAsync("c", claims: false));
        Assert.Equal(old.Owned, (await ClaimAsync("b", mayTakeOver: false)).Open!.Number);
        Assert.False((await Metadata.FollowBuildAsync(Main, old.Owned, 0, Token))!.IsAlive);
        Assert.NotNull(await RenewAsync(old.Owned, "a", Instant));
        await Task.Delay(20, Token);

        // 2. Taken over.
        var next = await ClaimAsync("b");
        Assert.True(next.Owned > old.Owned);
        Assert.Null(await RenewAsync(old.Owned, "a"));
        Assert.Equal(BuildState.Lost, (await Metadata.FollowBuildAsync(Main, old.Owned, 0, Token))!.State);
        Assert.False(await Metadata.EndBuildAsync(Main, End(old.Owned, "a"), Token));
        await Assert.ThrowsAsync<BuildLostException>(
            () => Metadata.RegisterPathsAsync(Main, ChunkScope.All, [sample.Registration], End(old.Owned, "a"), Token));
        Assert.Empty(await Metadata.QueryPathsAsync(Main, [sample.Path.HashPart], Token));

        // 3. What the new one does counts, and no other may do it in its name.
        await Assert.ThrowsAsync<BuildLostException>(
            () => Metadata.RegisterPathsAsync(Main, ChunkScope.All, [sample.Registration], End(next.Owned, "a"), Token));
        var results = await Metadata.RegisterPathsAsync(Main, ChunkScope.All, [sample.Registration], End(next.Owned, "b"), Token);
        Assert.Equal(RegistrationOutcome.Registered, Assert.Single(results).Outcome);
    }

    [Fact]
    public async Task End_WithOutputs_IsOneTransaction_AndMayBeAskedTwice()
    {
        var (a, b) = (SamplePath.Create("a"), SamplePath.Create("b"));
        await SamplePath.IndexAsync(Metadata, Main, a);
        long number = (await ClaimAsync("a")).Owned;
        var kept = new BuildLog(4, Zstd.Compress("log\n"u8, 1));
        var end = End(number, "a") with { Kept = ([Derivation], kept) };

        // 1. One output cannot be registered: none is, nothing has ended, no log is kept.
        var results = await Metadata.RegisterPathsAsync(Main, ChunkScope.All, [a.Registration, b.Registration], end, Token);
        Assert.Equal([RegistrationOutcome.HeldBack, RegistrationOutcome.MissingChunks], results.Select(result => result.Outcome));
        Assert.Empty(await Metadata.QueryPathsAsync(Main, [a.Path.HashPart], Token));
        Assert.Equal(BuildState.Running, (await Metadata.FollowBuildAsync(Main, number, 0, Token))!.State);
        Assert.Null(await Metadata.FindBuildLogAsync(Main, Derivation, Token));

        // 2. All can: they are, with the result and the log.
        await SamplePath.IndexAsync(Metadata, Main, b);
        for (int attempt = 0; attempt < 2; attempt++)
        {
            results = await Metadata.RegisterPathsAsync(Main, ChunkScope.All, [a.Registration, b.Registration], end, Token);
            var outcome = attempt == 0 ? RegistrationOutcome.Registered : RegistrationOutcome.AlreadyValid;
            Assert.Equal([outcome, outcome], results.Select(result => result.Outcome));
        }

        // A heartbeat that comes behind the end does not take it for a loss.
        Assert.NotNull(await RenewAsync(number, "a"));
        var ended = (await Metadata.FollowBuildAsync(Main, number, 0, Token))!;
        Assert.Equal((BuildState.Ended, 3, "why", 10L, 20L), (ended.State, ended.Status, ended.Message, ended.StartTime, ended.StopTime));
        Assert.Equal(4, (await Metadata.FindBuildLogAsync(Main, Derivation, Token))!.PlainLength);
        Assert.Empty(await Metadata.ListBuildsAsync(Main, Token));

        // 3. Who comes now may begin anew.
        Assert.True((await ClaimAsync("b")).Owned > number);
    }

    [Fact]
    public async Task End_WithOutputsOfAnotherStep_IsRefused()
    {
        long number = (await ClaimAsync("a")).Owned;
        Assert.False(await Metadata.EndBuildAsync(Main, End(number, "a") with { Outputs = [SamplePath.Name("others")] }, Token));
        (IReadOnlyList<StorePath> Derivations, BuildLog Log) kept = ([SamplePath.Name("another.drv")], new BuildLog(4, Zstd.Compress("log\n"u8, 1)));
        Assert.True(await Metadata.EndBuildAsync(Main, End(number, "a") with { Outputs = [SamplePath.Name("outputs")], Kept = kept }, Token));
        Assert.Null(await Metadata.FindBuildLogAsync(Main, kept.Derivations[0], Token));
    }

    [Fact]
    public async Task End_WithRealisations_OfRegisteredOrValidPaths_AnswersTheNextClaim()
    {
        var (made, valid) = (SamplePath.Create("made"), SamplePath.Create("valid"));
        await SamplePath.IndexAsync(Metadata, Main, made);
        await AddAsync(valid);
        string[] ids = [Realisation.IdOf(NixHash.Sha256("a"u8), "dev"), Realisation.IdOf(NixHash.Sha256("a"u8), "out")];
        var request = Request("a") with { Outputs = [], RealisationIds = ids };
        Task<BuildClaim> AskAsync() => Metadata.ClaimBuildAsync(Main, request, claims: true, mayTakeOver: true, Minute, Token);

        // What one came to elsewhere is of no use while that is not valid here, and gives way to what is.
        await Metadata.AddRealisationsAsync(Main, [new(ids[0], Realisation.Create(ids[0], SamplePath.Name("elsewhere")).Json)], Token);
        long number = (await AskAsync()).Owned;
        BuildEnd Ending(params (string Id, StorePath Path)[] realised) => End(number, "a") with
        {
            Outputs = [made.Path],
            Realisations = [.. realised.Select(static one => Realisation.Create(one.Id, one.Path))],
        };
        Task RegisterAsync(BuildEnd end) => Metadata.RegisterPathsAsync(Main, ChunkScope.All, [made.Registration], end, Token);

        // 1. Others than were claimed, or of a path that is neither valid nor brought along: nothing is registered.
        await Assert.ThrowsAsync<BuildLostException>(() => RegisterAsync(Ending((ids[0], made.Path))));
        await Assert.ThrowsAsync<BuildLostException>(() => RegisterAsync(Ending((ids[0], made.Path), (Realisation.IdOf(NixHash.Sha256("b"u8), "out"), valid.Path))));
        await Assert.ThrowsAsync<BuildLostException>(() => RegisterAsync(Ending((ids[0], made.Path), (ids[1], SamplePath.Name("nowhere")))));
        Assert.Empty(await Metadata.QueryPathsAsync(Main, [made.Path.HashPart], Token));
        Assert.Single(await Metadata.FindRealisationsAsync(Main, ids, Token));

        // 2. One that comes along and one that is valid.
        await RegisterAsync(Ending((ids[0], made.Path), (ids[1], valid.Path)));
        Assert.Equal(new BuildClaim(0, null, IsValid: true), await AskAsync());
        Assert.Equal([made.Path, valid.Path], (await Metadata.FindRealisationsAsync(Main, ids, Token)).OrderBy(one => one.Key).Select(one => Realisation.Parse(one.Value).OutPath));
    }

    [Fact]
    public async Task End_GivenUp_LetsAnotherBuild()
    {
        long number = (await ClaimAsync("a")).Owned;
        Assert.True(await Metadata.EndBuildAsync(Main, End(number, "a") with { State = BuildState.GivenUp }, Token));
        Assert.True(await Metadata.EndBuildAsync(Main, End(number, "a") with { State = BuildState.GivenUp }, Token));
        Assert.False(await Metadata.EndBuildAsync(Main, End(number, "a"), Token));
        Assert.Equal(BuildState.GivenUp, (await Metadata.FollowBuildAsync(Main, number, 0, Token))!.State);
        Assert.True((await ClaimAsync("b")).Owned > number);
    }

    [Fact]
    public async Task Cancel_EndsItForItsOwner()
    {
        long number = (await ClaimAsync("a")).Owned;
        Assert.True(await Metadata.CancelBuildAsync(Main, number, Token));
        Assert.False(await Metadata.CancelBuildAsync(Main, number, Token));
        Assert.Null(await RenewAsync(number, "a"));
        Assert.False(await Metadata.EndBuildAsync(Main, End(number, "a"), Token));
        Assert.Equal(BuildState.Cancelled, (await Metadata.FollowBuildAsync(Main, number, 0, Token))!.State);
    }

    [Fact]
    public async Task Log_IsFollowedFromTheFirstByte_EachByteOnce()
    {
        long number = (await ClaimAsync("a")).Owned;
        await ClaimAsync("b", claims: false);
        byte[] log = Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Range(0, 100_000)) + "\n");

        // 1. In parts, one of them sent twice, as after an answer that was lost.
        Assert.Equal(10, (await RenewAsync(number, "a", log: log.AsMemory(0, 10)))!.LogBytes);
        Assert.Equal(10, (await RenewAsync(number, "a", log: log.AsMemory(0, 300)))!.LogBytes);
        Assert.Equal(400_000, (await RenewAsync(number, "a", position: 10, log: log.AsMemory(10, 399_990)))!.LogBytes);
        Assert.Equal(400_000, (await RenewAsync(number, "a", position: 500_000, log: log.AsMemory(500_000, 10)))!.LogBytes);

        // 2. The rest comes with the end.
        Assert.True(await Metadata.EndBuildAsync(Main, End(number, "a") with { Log = log }, Token));
        var read = new MemoryStream();
        while (await Metadata.FollowBuildAsync(Main, number, read.Length, Token) is { Log.Length: > 0 } progress)
        {
            Assert.Equal(log.Length, progress.LogBytes);
            read.Write(progress.Log.Span);
        }

        Assert.Equal(log, read.ToArray());
    }

    [Fact]
    public async Task Offered_AHostThatIsFitTakesIt_OnceAndInOrder()
    {
        // 1. It waits, for one that has what it needs and has not asked itself.
        var queued = await OfferAsync("a", "first", "kvm");
        Assert.Equal((0, true), (queued.Owned, queued.Open!.IsQueued));
        Assert.Equal(queued.Open.Number, (await OfferAsync("a", "first", "kvm")).Open!.Number);
        await OfferAsync("a", "second");
        var waiting = (await Metadata.FollowBuildAsync(Main, queued.Open.Number, 0, Token))!;
        Assert.Equal((BuildState.Queued, true), (waiting.State, waiting.IsAlive));
        Assert.Equal([true, true], (await Metadata.ListBuildsAsync(Main, Token)).Select(build => build.IsQueued));
        Assert.Null(await TakeAsync("b", "x86_64-linux", "kvm"));
        await AddAsync(DerivationFile);
        Assert.Null(await TakeAsync("a", "x86_64-linux", "kvm"));
        Assert.Null(await TakeAsync("b", "aarch64-linux", "kvm"));

        // 2. Taken by whoever is first.
        var second = (await TakeAsync("b", "x86_64-linux"))!;
        Assert.Equal((Derivation, "host b", 1, false), (second.Derivation, second.Host, second.Waiters, second.IsQueued));
        Assert.Equal(BuildState.Running, (await Metadata.FollowBuildAsync(Main, second.Number, 0, Token))!.State);
        Assert.Null(await TakeAsync("c", "x86_64-linux"));
        var first = (await TakeAsync("c", "x86_64-linux", "big", "kvm"))!;
        Assert.True(first.Number < second.Number);
        Assert.NotNull(await RenewAsync(first.Number, "c"));
        Assert.Null(await RenewAsync(first.Number, "a"));

        // 3. Who asked finds out where it is built.
        Assert.Equal((second.Number, "host b"), ((await OfferAsync("a", "second")).Open!.Number, (await OfferAsync("a", "second")).Open!.Host));

        // 4. Whoever gets ready itself need not wait, and others do not get it then.
        await OfferAsync("a", "third");
        var own = await ClaimAsync("a", outputs: "third");
        Assert.True(own.Owned > second.Number);
        Assert.Null(await TakeAsync("b", "x86_64-linux"));
    }

    [Fact]
    public async Task Offered_WhoAskedIsGone_NoOneTakesIt()
    {
        await Metadata.ClaimBuildAsync(
            Main, Request("a") with { Offered = new BuildNeeds("x86_64-linux", []) }, claims: false, mayTakeOver: true, Instant, Token);
        await Task.Delay(20, Token);
        Assert.Null(await TakeAsync("b", "x86_64-linux"));
        Assert.Empty(await Metadata.ListBuildsAsync(Main, Token));
        Assert.True((await ClaimAsync("b")).Owned > 0);
    }

    [Fact]
    public async Task Offered_ManyTakers_EachStepOnce()
    {
        var second = await OpenAsync();
        await AddAsync(DerivationFile);
        for (int i = 0; i < 12; i++)
        {
            await OfferAsync("a", $"step {i}");
        }

        var taken = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => Task.Run(async () =>
        {
            var own = new List<long>();
            while (await (i % 2 == 0 ? Metadata : second).TakeBuildAsync(Main, Taker($"{i}", "x86_64-linux"), Minute, Token) is { } build)
            {
                own.Add(build.Number);
            }

            return own;
        })));
        Assert.Equal(12, taken.SelectMany(own => own).Distinct().Count());
        Assert.Equal(12, taken.Sum(own => own.Count));
    }

    private static BuildTaker Taker(string who, string system, params string[] features) => new(who, $"host {who}", $"waiter {who}", [system], features);

    private Task<RunningBuild?> TakeAsync(string who, string system, params string[] features) =>
        Metadata.TakeBuildAsync(Main, Taker(who, system, features), Minute, Token);

    private Task<BuildClaim> OfferAsync(string who, string outputs, params string[] features) => Metadata.ClaimBuildAsync(
        Main, Request(who, outputs) with { Offered = new BuildNeeds("x86_64-linux", features) }, claims: false, mayTakeOver: true, Minute, Token);

    private static BuildRequest Request(string who, string outputs = "outputs") => new()
    {
        Outputs = [SamplePath.Name(outputs.Replace(' ', '-'))],
        Derivation = Derivation,
        TextHash = SHA256.HashData(Encoding.UTF8.GetBytes($"text {who}")),
        Wishes = new BuildWishes(1, 2, 3, KeepFailed: true),
        Owner = who,
        Host = $"host {who}",
        Asker = $"waiter {who}",
    };

    private static BuildEnd End(long number, string owner) => new()
    {
        Number = number,
        Owner = owner,
        State = BuildState.Ended,
        Status = 3,
        Message = "why",
        StartTime = 10,
        StopTime = 20,
    };

    private Task<BuildClaim> ClaimAsync(
        string who, bool claims = true, bool mayTakeOver = true, TimeSpan? lease = null, string outputs = "outputs") =>
        Metadata.ClaimBuildAsync(Main, Request(who, outputs), claims, mayTakeOver, lease ?? Minute, Token);

    private Task<BuildRenewal?> RenewAsync(long number, string owner, TimeSpan? lease = null, long position = 0, ReadOnlyMemory<byte> log = default) =>
        Metadata.RenewBuildAsync(Main, number, owner, lease ?? Minute, position, log, Token);
}
