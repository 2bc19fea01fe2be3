using System.Diagnostics;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Tests.Metadata;

public abstract partial class MetadataContract
{
    [Fact]
    public async Task Register_TwoServersSamePathOtherContent_OneWinsAndBothLearnWhich()
    {
        var second = await OpenAsync();
        for (int round = 0; round < 10; round++)
        {
            var left = SamplePath.Create($"race-{round}", [1, (byte)round]);
            var right = SamplePath.Create($"race-{round}", [2, (byte)round]);
            await SamplePath.IndexAsync(Metadata, Main, left, right);

            var results = await Task.WhenAll(
                Task.Run(() => Metadata.RegisterPathsAsync(Main, ChunkScope.All, [left.Registration], cancellationToken: Token)),
                Task.Run(() => second.RegisterPathsAsync(Main, ChunkScope.All, [right.Registration], cancellationToken: Token)));

            Assert.Equal(
                [RegistrationOutcome.Registered, RegistrationOutcome.Conflict],
                results.Select(result => result[0].Outcome).Order());
            Assert.Equal(results[0][0].Path!.NarHash, results[1][0].Path!.NarHash);
        }
    }

    [Fact]
    public async Task Register_EightOverlappingRegistrarsOnTwoServers_LeavesEachPathOnceWithGaplessEvents()
    {
        int seed = Random.Shared.Next();
        TestContext.Current.SendDiagnosticMessage($"seed {seed}");
        var second = await OpenAsync();
        var samples = new List<SamplePath>();
        for (int i = 0; i < 120; i++)
        {
            // Sections and chunks are shared widely, which is where locks could cross.
            var references = samples.Skip(Math.Max(0, i - 3)).Select(sample => sample.Path).ToArray();
            samples.Add(SamplePath.Create($"overlap-{i}", [(byte)(i % 7)], references));
        }

        await SamplePath.IndexAsync(Metadata, Main, samples);
        using var stop = new CancellationTokenSource();
        var watching = Task.Run(() => WatchAsync(second, stop.Token), Token);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            var random = new Random(seed + worker);
            var metadata = worker % 2 == 0 ? Metadata : second;
            for (int i = 0; i < samples.Count;)
            {
                int count = Math.Min(samples.Count - i, random.Next(1, 20));
                var results = await metadata.RegisterPathsAsync(
                    Main, ChunkScope.All, [.. samples.Skip(i).Take(count).Select(sample => sample.Registration)], cancellationToken: Token);
                Assert.All(
                    results, result => Assert.True(result.Outcome is RegistrationOutcome.Registered or RegistrationOutcome.AlreadyValid));
                i += count;
            }
        })));

        await stop.CancelAsync();
        var seen = await watching;
        Assert.Equal(Enumerable.Range(1, samples.Count).Select(number => (ulong)number), seen.Select(item => item.Number));
        Assert.Equal(samples.Select(sample => sample.Path).Order(), seen.Select(item => item.Path).Order());
        var page = await Metadata.ReadEventsAsync(Main, default, 1_000, Token);
        Assert.Equal(seen, page.Events);
    }

    [Fact]
    public async Task Register_InTwoStoresAtOnce_SharesSectionsWithoutDeadlock()
    {
        var other = await CreateStoreAsync("other");
        var second = await OpenAsync();
        var samples = Enumerable.Range(0, 200).Select(i => SamplePath.Create($"both-{i}")).ToArray();
        await SamplePath.IndexAsync(Metadata, Main, samples);
        PathRegistration[] forward = [.. samples.Select(sample => sample.Registration)];
        PathRegistration[] backward = [.. forward.Reverse()];

        var results = await Task.WhenAll(
            Task.Run(() => Metadata.RegisterPathsAsync(Main, ChunkScope.All, forward, cancellationToken: Token)),
            Task.Run(() => second.RegisterPathsAsync(other.Id, ChunkScope.All, backward, cancellationToken: Token)));

        Assert.All(results.SelectMany(list => list), result => Assert.Equal(RegistrationOutcome.Registered, result.Outcome));
        Assert.Equal(200, (await Metadata.GetStatisticsAsync(Token)).Manifests);
    }

    [Fact]
    public async Task Wait_IsWokenByAnotherServersRegistration()
    {
        var second = await OpenAsync();
        var sample = SamplePath.Create("news");
        await SamplePath.IndexAsync(Metadata, Main, sample);
        var waiting = second.WaitForEventsAsync(Main, default, TimeSpan.FromMinutes(5), Token);
        await Task.Delay(100, Token);
        Assert.False(waiting.IsCompleted);

        var clock = Stopwatch.StartNew();
        await Metadata.RegisterPathsAsync(Main, ChunkScope.All, [sample.Registration], cancellationToken: Token);
        await waiting;

        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), $"woken after {clock.Elapsed}");
        Assert.Equal(sample.Path, Assert.Single((await second.ReadEventsAsync(Main, default, 10, Token)).Events).Path);
    }

    [Fact]
    public async Task Wait_NothingHappens_EndsWithItsTime()
    {
        var clock = Stopwatch.StartNew();

        await Metadata.WaitForEventsAsync(Main, default, TimeSpan.FromMilliseconds(200), Token);

        Assert.True(clock.Elapsed >= TimeSpan.FromMilliseconds(190));
    }

    /// <summary>Reads events as they come. Were numbers not given in commit order, a late commit would be skipped here.</summary>
    private async Task<List<StoreEvent>> WatchAsync(IMetadataStore metadata, CancellationToken stop)
    {
        var seen = new List<StoreEvent>();
        EventPosition after = default;
        while (true)
        {
            bool last = stop.IsCancellationRequested;
            var page = await metadata.ReadEventsAsync(Main, after, 1_000, CancellationToken.None);
            seen.AddRange(page.Events);
            after = page.Behind(after);
            if (last)
            {
                return seen;
            }

            await Task.Delay(1, CancellationToken.None);
        }
    }
}
