using System.Diagnostics;
using Xunit;

namespace NixFuseStore.Cache.Tests.Recovery;

public sealed class CrashTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly int _seed = CacheTesting.Seed();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(30)] // evicting by then
    public async Task Open_AfterKill_RollsBackToACheckpointAndHasNoWrongByte(int checkpoints)
    {
        // 1. A writer, killed at a random moment some checkpoints on.
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(CrashTests).Assembly.Location);
        }

        start.ArgumentList.Add(KilledWriter.Argument);
        start.ArgumentList.Add(_directory.Path);
        using var writer = Process.Start(start)!;
        var written = 0;
        try
        {
            for (var i = 0; i < checkpoints; i++)
            {
                var line = await writer.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
                written = int.Parse(line!.Split(' ')[^1]);
            }

            await Task.Delay(new Random(_seed).Next(0, 60), TestContext.Current.CancellationToken);
        }
        finally
        {
            writer.Kill();
            await writer.WaitForExitAsync(CancellationToken.None);
        }

        // 2. The cache is there again, without delay, and everything it gives is right.
        var notices = new List<string>();
        await using var cache = await ChunkCache.OpenAsync(
            new ChunkCacheOptions { Directory = _directory.Path, SizeBytesMax = KilledWriter.SizeBytesMax, Notice = notices.Add },
            TestContext.Current.CancellationToken);
        Assert.Empty(notices);
        var found = 0;
        var last = 0;
        for (var i = 0; i < written + 1000; i++)
        {
            if (await cache.HasAsync(CacheTesting.Id(i, KilledWriter.ChunkBytes)))
            {
                found++;
                last = i;
            }
        }

        var status = cache.Status;
        TestContext.Current.TestOutputHelper?.WriteLine($"killed after {written}: {found} chunks, the last is {last}; {status}");
        Assert.Equal(0, status.Corrupt);
        Assert.Equal(status.RecoveredEntries, status.Entries);
        Assert.Equal(found, status.Entries);
        Assert.True(found > 50);

        // 3. And it goes on from there.
        var more = cache.Store(1_000_000, 1000);
        await CacheTesting.EventuallyAsync(() => cache.Contains(more), "stored");
        var report = await cache.VerifyAsync(repair: false, null, TestContext.Current.CancellationToken);
        Assert.Equal(0, report.Bad);
        Assert.Equal(found + 1, report.Entries);
    }
}
