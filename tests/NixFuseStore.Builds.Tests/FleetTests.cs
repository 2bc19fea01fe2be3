using System.Runtime.CompilerServices;
using System.Text;
using NixFuseStore.Builds.Fleet;
using NixFuseStore.Builds.Running;
using NixFuseStore.Daemon;
using NixFuseStore.Nix;

namespace NixFuseStore.Builds.Tests;

/// <summary>An owner and a follower while the store comes and goes: nothing is printed twice, and nothing given up that is still wanted.</summary>
public sealed class FleetTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly BuildLimits Unlimited = BuildLimits.Default;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nixfuse-builds-");
    private readonly BuildLog _log;
    private readonly ScriptedFleet _fleet = new();

    public FleetTests() => _log = new BuildLog(_folder.FullName);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _log.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Follower_InterruptedInTheMiddleOfALine_HearsEachLineOnce()
    {
        var end = new FleetNews(default, FleetState.Ended, new StepResult(BuildStatus.Built, ""));
        _fleet.Streams.Enqueue([Log("one\ntw"), null]);
        _fleet.Streams.Enqueue([null]);
        _fleet.Streams.Enqueue([Log("one\n"), Log("two\nthree\n"), end]);
        string? host = null;
        _fleet.Host = "there";

        var last = await new FollowedBuild(_fleet, 7, _log).FollowAsync(name => host = name, Cancellation).WaitAsync(Patience, Cancellation);

        Assert.Equal((FleetState.Ended, BuildStatus.Built, "there"), (last.State, last.Result!.Status, host));
        _log.Complete();
        var lines = new List<string>();
        await _log.FollowAsync(
            line =>
            {
                lines.Add(line);
                return default;
            },
            Cancellation);
        Assert.Equal(["one", "two", "three"], lines);
    }

    [Theory]
    [InlineData(FleetState.Lost)]
    [InlineData(FleetState.Cancelled)]
    public async Task Owner_ThatIsNoneAnyMore_IsToldSoAtOnce(FleetState state)
    {
        _fleet.Renewal = new FleetRenewal(state, 0, 0);
        await using var owned = new OwnedBuild(_fleet, 7, TimeSpan.FromMilliseconds(40));
        var lost = new TaskCompletionSource();
        await using var telling = owned.Lost.Register(lost.SetResult);
        await lost.Task.WaitAsync(Patience, Cancellation);
        Assert.True(owned.Lost.IsCancellationRequested);
        Assert.Equal(state == FleetState.Cancelled, owned.IsCancelled);
        Assert.False(await owned.IsWantedElsewhereAsync());
    }

    [Fact]
    public async Task Owner_WhileTheStoreIsAway_LosesNothing_AndBelievesNoAbsenceBehindIt()
    {
        _fleet.Renewal = new FleetRenewal(FleetState.Running, 2, 0);
        await using var owned = new OwnedBuild(_fleet, 7, TimeSpan.FromSeconds(2));
        owned.Attach(_log);
        Assert.True(await owned.IsWantedElsewhereAsync());

        // 1. Away: wanted as before.
        _fleet.Renewal = null;
        Assert.True(await owned.IsWantedElsewhereAsync());
        Assert.False(owned.Lost.IsCancellationRequested);

        // 2. Back, before those who wait: wanted still, for a lease.
        _fleet.Renewal = new FleetRenewal(FleetState.Running, 0, 0);
        Assert.True(await owned.IsWantedElsewhereAsync());
        var patience = System.Diagnostics.Stopwatch.StartNew();
        while (await owned.IsWantedElsewhereAsync())
        {
            Assert.True(patience.Elapsed < Patience, "it stays wanted");
            await Task.Delay(50, Cancellation);
        }
    }

    /// <summary>A token that was revoked: no lease is held with it, and no one is kept waiting for the store to come back.</summary>
    [Fact]
    public async Task HostThatIsRefused_OwnsNothingAfterALease_AndFollowsNothing()
    {
        _fleet.Refuses = true;
        _fleet.Renewal = null;
        await using var owned = new OwnedBuild(_fleet, 7, TimeSpan.FromMilliseconds(400));
        await owned.IsWantedElsewhereAsync();
        Assert.False(owned.Lost.IsCancellationRequested);
        var lost = new TaskCompletionSource();
        await using var telling = owned.Lost.Register(lost.SetResult);
        await lost.Task.WaitAsync(Patience, Cancellation);
        Assert.False(owned.IsCancelled);

        _fleet.Streams.Enqueue([Log("one\n"), null]);
        await Assert.ThrowsAsync<DaemonStoreException>(
            () => new FollowedBuild(_fleet, 7, _log).FollowAsync(static _ => { }, Cancellation).WaitAsync(Patience, Cancellation));
    }

    [Fact]
    public async Task Owner_SendsWhatIsPrinted_FromWhereTheStoreStands()
    {
        await _log.AppendAsync("of an execution before");
        await using var owned = new OwnedBuild(_fleet, 7, TimeSpan.FromSeconds(2));
        owned.Attach(_log);
        await _log.AppendAsync("one");
        _fleet.Renewal = new FleetRenewal(FleetState.Running, 1, 0);
        await owned.IsWantedElsewhereAsync();
        await owned.IsWantedElsewhereAsync();
        Assert.Equal((0, "one\n"), _fleet.Sent[^1]);
        _fleet.Renewal = new FleetRenewal(FleetState.Running, 1, 2);
        await owned.IsWantedElsewhereAsync();
        await owned.IsWantedElsewhereAsync();
        Assert.Equal((2, "e\n"), _fleet.Sent[^1]);
    }

    [Fact]
    public void Failure_CountsForThoseWhoAllowNoMore()
    {
        var terms = new FleetTerms("text"u8.ToArray(), new BuildLimits(10, 0, 100, null), KeepFailed: false);
        Assert.True(terms.FailsAlsoFor(Step(new BuildLimits(10, 5, 100, 4))));
        Assert.True(terms.FailsAlsoFor(Step(new BuildLimits(9, 0, 1, null))));
        Assert.False(terms.FailsAlsoFor(Step(new BuildLimits(11, 0, 100, null))));
        Assert.False(terms.FailsAlsoFor(Step(Unlimited)));
        Assert.False(terms.FailsAlsoFor(Step(new BuildLimits(10, 0, 100, null), keepFailed: true)));
        Assert.False(terms.FailsAlsoFor(Step(new BuildLimits(10, 0, 100, null), text: "other")));
    }

    private static FleetStep Step(BuildLimits limits, bool keepFailed = false, string text = "text") => new(
        [], [], StoreDirectory.Default.Parse("/nix/store/00000000000000000000000000000009-x.drv"), Encoding.ASCII.GetBytes(text), limits, keepFailed, Offered: null);

    private static FleetNews Log(string text) => new(Encoding.UTF8.GetBytes(text), FleetState.Running);

    /// <summary>Answers as it is told to; null stands for a store that is away.</summary>
    private sealed class ScriptedFleet : IBuildFleet
    {
        public Queue<FleetNews?[]> Streams { get; } = new();

        public FleetRenewal? Renewal { get; set; } = new(FleetState.Running, 0, 0);

        public string? Host { get; set; }

        /// <summary>Whether a store that does not answer refuses this host.</summary>
        public bool Refuses { get; set; }

        public List<(long Position, string Text)> Sent { get; } = [];

        public Task<FleetRenewal> RenewAsync(ulong number, long position, ReadOnlyMemory<byte> log, CancellationToken cancellationToken)
        {
            Sent.Add((position, Encoding.UTF8.GetString(log.Span)));
            return Renewal is { } renewal ? Task.FromResult(renewal) : throw new DaemonStoreException("away");
        }

        public async IAsyncEnumerable<FleetNews> FollowAsync(ulong number, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.Yield();
            yield return new FleetNews(default, FleetState.Running, Host: Host);
            foreach (var news in Streams.Dequeue())
            {
                yield return news ?? throw new DaemonStoreException("away");
            }
        }

        public Task<FleetClaim> ClaimAsync(FleetStep wanted, bool claims, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<FleetTake?> TakeAsync(BuildNeeds host, TimeSpan patience, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<FleetEnd> FinishAsync(
            ulong number, BuildStep build, StepResult result, IReadOnlyList<BuiltOutput> outputs, Stream log, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task GiveUpAsync(ulong number) => throw new NotSupportedException();

        public Task AdoptAsync(IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken) => throw new NotSupportedException();

        public bool IsRefusal(DaemonStoreException failure) => Refuses;
    }
}
