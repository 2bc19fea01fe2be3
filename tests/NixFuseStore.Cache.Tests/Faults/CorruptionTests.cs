using Xunit;

namespace NixFuseStore.Cache.Tests.Faults;

public sealed class CorruptionTests : IDisposable
{
    private const int Chunks = 300;
    private const long PageBytes = 1 << 20;
    private readonly TemporaryDirectory _directory = new();
    private readonly int _seed = CacheTesting.Seed();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Verify_OneByteFlippedInASegment_FindsItAndAReaderGetsItAnew()
    {
        await FillAsync();
        var segment = Path.Combine(_directory.Path, "log.0");

        // Within a chunk, not in what stays free at a page's end.
        Flip(segment, (new FileInfo(segment).Length / 2 / PageBytes * PageBytes) + 50_000);

        await using var cache = await OpenAsync();
        // One chunk is damaged, not those beside it.
        var report = await cache.VerifyAsync(repair: false, null, TestContext.Current.CancellationToken);
        Assert.Equal(1, report.Bad);
        Assert.Equal(Chunks, report.Entries);
        Assert.Equal(0, report.Dropped);
        Assert.Equal(Chunks, cache.Status.Entries);

        // A reader of the damaged chunk is told that it is missing, once; when it is offered again it is there.
        var missing = new List<int>();
        for (var i = 0; i < Chunks; i++)
        {
            if (!await HasAsync(cache, i))
            {
                missing.Add(i);
            }
        }

        Assert.Equal(report.Bad, missing.Count);
        Assert.Equal(missing.Count, cache.Status.Corrupt);
        foreach (var i in missing)
        {
            cache.Store(i, Length(i));
        }

        await CacheTesting.EventuallyAsync(() => cache.Status.Entries == Chunks, "stored again");
        foreach (var i in missing)
        {
            Assert.True(await HasAsync(cache, i));
        }

        // The damaged copy is still on the disk, and nobody's.
        report = await cache.VerifyAsync(repair: false, null, TestContext.Current.CancellationToken);
        Assert.Equal(0, report.Bad);
        Assert.Equal(Chunks, report.Entries);
        Assert.Equal(Enumerable.Range(0, Chunks).Sum(i => (long)Length(i)), report.Bytes);
    }

    [Fact]
    public async Task Verify_WithRepair_DropsWhatIsBadAndFindsNothingAfterwards()
    {
        await FillAsync();
        var segment = Path.Combine(_directory.Path, "log.0");
        for (var i = 1; i < 4; i++)
        {
            // Within a chunk: not in the head of a page's first record, nor in what stays free at a page's end.
            var page = new FileInfo(segment).Length * i / 4 / PageBytes * PageBytes;
            Flip(segment, page + 50_000);
        }

        var progress = new List<VerifyProgress>();
        await using (var cache = await OpenAsync())
        {
            var report = await cache.VerifyAsync(repair: true, new Listing(progress), TestContext.Current.CancellationToken);
            Assert.True(report.Bad >= 3);
            Assert.Equal(report.Bad, report.Dropped);
            Assert.Equal(Chunks - report.Bad, cache.Status.Entries);
            Assert.Equal(report.Bad, progress[^1].Bad);
        }

        await using var again = await OpenAsync();
        var second = await again.VerifyAsync(repair: false, null, TestContext.Current.CancellationToken);
        Assert.Equal(0, second.Bad);
        Assert.Equal(again.Status.Entries, second.Entries);
    }

    [Fact]
    public async Task Verify_Cancelled_ThrowsAndTheCacheGoesOn()
    {
        await FillAsync();
        await using var cache = await OpenAsync();
        using var cancellation = new CancellationTokenSource();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cache.VerifyAsync(false, null, cancellation.Token));
        Assert.Equal(Chunks, (await cache.VerifyAsync(false, null, TestContext.Current.CancellationToken)).Entries);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(20)]
    [InlineData(2000)]
    public async Task Open_AnythingDamagedAnywhere_GivesNoWrongByteAndWorksOn(int flips)
    {
        await FillAsync();
        var random = new Random(_seed);
        var pristine = Directory.CreateTempSubdirectory("nixfuse-cache-").FullName;
        try
        {
            Copy(_directory.Path, pristine);
            for (var round = 0; round < 25; round++)
            {
                Directory.Delete(_directory.Path, recursive: true);
                Copy(pristine, _directory.Path);
                Damage(random, round, flips);
                var notices = new List<string>();
                await using var cache = await OpenAsync(notices.Add);
                var found = 0;
                for (var i = 0; i < Chunks; i++)
                {
                    found += await HasAsync(cache, i) ? 1 : 0;
                }

                var report = await cache.VerifyAsync(repair: true, null, TestContext.Current.CancellationToken);

                // The walk loses its way where a record's header is damaged; single reads still find what lies behind.
                Assert.InRange(report.Entries - report.Bad, 0, found);
                for (var i = 0; i < Chunks; i += 3)
                {
                    cache.Store(i, Length(i));
                    cache.Store(i + 10_000, Length(i));
                }

                await CacheTesting.EventuallyAsync(() => cache.Contains(CacheTesting.Id(10_297, Length(297))), "stored");
                Assert.True(await HasAsync(cache, 0), $"seed {_seed} round {round}");
                TestContext.Current.TestOutputHelper?.WriteLine($"round {round}: {found} of {Chunks} found, {string.Join("; ", notices)}");
            }
        }
        finally
        {
            Directory.Delete(pristine, recursive: true);
        }
    }

    private static int Length(int i) => 1 + (i * 677 % 90_000);

    private static Task<bool> HasAsync(ChunkCache cache, int i) =>
        cache.HasAsync(CacheTesting.Id(i, Length(i)), Length(i));

    private static void Flip(string path, long offset)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        stream.Position = offset;
        var value = stream.ReadByte();
        stream.Position = offset;
        stream.WriteByte((byte)(value ^ 0x40));
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }

        foreach (var directory in Directory.EnumerateDirectories(from))
        {
            Copy(directory, Path.Combine(to, Path.GetFileName(directory)));
        }
    }

    /// <summary>Flips, cuts off, or deletes, in all files or in the log alone.</summary>
    private void Damage(Random random, int round, int flips)
    {
        var root = new DirectoryInfo(_directory.Path);
        var files = (round % 2 == 0 ? root.GetFiles("log.*") : root.GetFiles("*", SearchOption.AllDirectories))
            .Where(file => file.Length > 0).ToArray();
        for (var i = 0; i < flips; i++)
        {
            var file = files[random.Next(files.Length)];
            Flip(file.FullName, random.NextInt64(file.Length));
        }

        var victim = files[random.Next(files.Length)];
        switch (round % 5)
        {
            case 3:
                using (var stream = victim.OpenWrite())
                {
                    stream.SetLength(random.NextInt64(victim.Length));
                }

                break;
            case 4:
                victim.Delete();
                break;
        }
    }

    private async Task FillAsync()
    {
        await using var cache = await OpenAsync();
        for (var i = 0; i < Chunks; i++)
        {
            cache.Store(i, Length(i));
        }
    }

    private Task<ChunkCache> OpenAsync(Action<string>? notice = null) => ChunkCache.OpenAsync(
        new ChunkCacheOptions { Directory = _directory.Path, SizeBytesMax = 64L << 20, Notice = notice ?? (text => Assert.Fail(text)) });

    private sealed class Listing(List<VerifyProgress> reports) : IProgress<VerifyProgress>
    {
        public void Report(VerifyProgress value) => reports.Add(value);
    }
}
