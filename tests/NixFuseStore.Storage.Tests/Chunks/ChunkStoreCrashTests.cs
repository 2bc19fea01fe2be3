using System.Diagnostics;
using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Tests.Chunks;

public sealed class ChunkStoreCrashTests : IDisposable
{
    private static readonly ChunkStoreOptions ShortLease = new() { PackLease = TimeSpan.FromMilliseconds(400) };

    private readonly TemporaryDirectory _directory = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Open_AfterAKill_KeepsEveryIndexedChunkAndCutsTheTail()
    {
        await using var store = await ChunkStoreFixture.OpenAsync(_directory.Path, ShortLease);
        var uploads = Enumerable.Range(0, 50).Select(_ => ChunkStoreFixture.Random(3_000)).ToArray();
        await store.Chunks.StoreAsync(store.Main, uploads, Token);
        long indexed = new FileInfo(store.PackFiles()[0]).Length;

        // The copy is what a killed server leaves, here with a torn chunk behind.
        using var crashed = _directory.Copy();
        string pack = Assert.Single(Directory.EnumerateFiles(crashed["packs"], "*", SearchOption.AllDirectories), file => !Path.GetFileName(file).Contains('.', StringComparison.Ordinal));
        await using (var file = new FileStream(pack, FileMode.Append))
        {
            await file.WriteAsync(new byte[1_234], Token);
        }

        await Task.Delay(500, Token);
        await using var again = await ChunkStoreFixture.OpenAsync(crashed.Path, ShortLease with { Owner = "again", PackLease = TimeSpan.FromMinutes(1) });

        Assert.Equal(indexed, new FileInfo(pack).Length);
        await again.AssertHasAsync(uploads);
        var more = ChunkStoreFixture.Random(500);
        await again.Chunks.StoreAsync(again.Main, [more], Token);
        await again.AssertHasAsync([more, .. uploads]);
        Assert.Single(again.PackFiles());
    }

    [Fact]
    public async Task Open_BeforeTheLeaseOfAKilledServerEnds_LeavesItsPackAlone_AndSealsItLater()
    {
        var lease = new ChunkStoreOptions { PackLease = TimeSpan.FromMilliseconds(1_500) };
        await using var store = await ChunkStoreFixture.OpenAsync(_directory.Path, lease);
        var upload = ChunkStoreFixture.Random(3_000);
        await store.Chunks.StoreAsync(store.Main, [upload], Token);
        using var crashed = _directory.Copy();

        await using var again = await ChunkStoreFixture.OpenAsync(crashed.Path, lease with { Owner = "again" });
        await again.AssertHasAsync(upload);
        Assert.Equal(PackState.Open, Assert.Single(await again.Metadata.ListPacksAsync(Token)).State);

        var clock = Stopwatch.StartNew();
        while ((await again.Metadata.ListPacksAsync(Token))[0].State == PackState.Open)
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), "the abandoned pack was never sealed");
            await Task.Delay(50, Token);
        }

        await again.AssertHasAsync(upload);
    }

    [Fact]
    public async Task Open_PackWithRowButWithoutBytes_IsClearedAway()
    {
        await using (var store = await ChunkStoreFixture.OpenAsync(_directory.Path))
        {
            await store.Metadata.CreatePackAsync("aa00", "gone", TimeSpan.Zero, Token);
            await store.Metadata.CreatePackAsync("aa11", "gone", TimeSpan.Zero, Token);
            await using var writer = await store.Blobs.CreateAsync("aa11", Token);
            await writer.AppendAsync([new byte[5_000]], Token);
        }

        await using var again = await ChunkStoreFixture.OpenAsync(_directory.Path);
        Assert.Empty(await again.Metadata.ListPacksAsync(Token));
        Assert.Empty(again.PackFiles());
    }

    [Fact]
    public async Task Open_PackShorterThanItsIndex_IsReportedAndNotTouched()
    {
        var upload = ChunkStoreFixture.Random(3_000);
        await using (var store = await ChunkStoreFixture.OpenAsync(_directory.Path))
        {
            await store.Chunks.StoreAsync(store.Main, [upload], Token);
        }

        string pack = Assert.Single(Directory.EnumerateFiles(_directory["packs"], "*", SearchOption.AllDirectories), file => !Path.GetFileName(file).Contains('.', StringComparison.Ordinal));
        using (var file = File.OpenHandle(pack, FileMode.Open, FileAccess.Write))
        {
            RandomAccess.SetLength(file, 1_000);
        }

        var notices = new List<string>();
        await using var again = await ChunkStoreFixture.OpenAsync(_directory.Path, new ChunkStoreOptions { Notice = notices.Add });

        Assert.Contains("fewer than", Assert.Single(notices), StringComparison.Ordinal);
        Assert.Equal(1_000, new FileInfo(pack).Length);
        await again.Chunks.StoreAsync(again.Main, [ChunkStoreFixture.Random(10)], Token);
    }

    [Fact]
    public async Task Store_AfterAnotherServerTookThePackOver_GoesOnInANewPack()
    {
        await using var store = await ChunkStoreFixture.OpenAsync(_directory.Path);
        var before = ChunkStoreFixture.Random(3_000);
        await store.Chunks.StoreAsync(store.Main, [before], Token);
        var pack = (await store.Metadata.ListPacksAsync(Token))[0];
        await store.Metadata.ReleasePackAsync(pack.Id, pack.Owner, Token);
        Assert.True(await store.Metadata.ClaimPackAsync(pack.Id, "thief", TimeSpan.FromMinutes(1), Token));

        var after = ChunkStoreFixture.Random(3_000);
        await store.Chunks.StoreAsync(store.Main, [after], Token);

        await store.AssertHasAsync(before, after);
        Assert.Equal(2, (await store.Metadata.ListPacksAsync(Token)).Count);
    }

    [Fact]
    public async Task Resume_WhileTheWriterLives_IsRefused()
    {
        await using var blobs = new FileBlobStore(_directory["locked"]);
        await using (var writer = await blobs.CreateAsync("aabb", Token))
        {
            await Assert.ThrowsAsync<IOException>(() => blobs.ResumeAsync("aabb", 0, Token).AsTask());
            await Assert.ThrowsAsync<IOException>(() => blobs.CreateAsync("aabb", Token).AsTask());
        }

        await using var resumed = await blobs.ResumeAsync("aabb", 0, Token);
        Assert.Equal(0, resumed.Length);
    }

    [Fact]
    public async Task Store_DiskFull_SaysSo_KeepsServing_AndWorksAgainWithSpace()
    {
        Assert.SkipUnless(Environment.UserName == "root", "mounting a small tmpfs takes root");
        string mount = _directory["small"];
        Directory.CreateDirectory(mount);
        Run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mount);
        try
        {
            await using var store = await ChunkStoreFixture.OpenAsync(_directory.Path, blobDirectory: Path.Combine(mount, "packs"));
            var first = ChunkStoreFixture.Random(400_000);
            await store.Chunks.StoreAsync(store.Main, [first], Token);
            string ballast = Path.Combine(mount, "ballast");
            await File.WriteAllBytesAsync(ballast, new byte[400_000], Token);
            long length = new FileInfo(store.PackFiles()[0]).Length;

            var big = ChunkStoreFixture.Random(500_000);
            for (int i = 0; i < 3; i++)
            {
                var error = await Assert.ThrowsAsync<BlobStoreFullException>(() => store.Chunks.StoreAsync(store.Main, [big], Token));
                Assert.Contains("full", error.Message, StringComparison.Ordinal);
            }

            Assert.Equal(length, new FileInfo(store.PackFiles()[0]).Length);
            await store.AssertHasAsync(first);
            Assert.True(Assert.Single(await store.Metadata.FindMissingChunksAsync(ChunkScope.All, [big.Id], Token)));

            File.Delete(ballast);
            await store.Chunks.StoreAsync(store.Main, [big], Token);
            await store.AssertHasAsync(first, big);
            Assert.Single(store.PackFiles());
        }
        finally
        {
            Run("umount", mount);
        }
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments))!;
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
