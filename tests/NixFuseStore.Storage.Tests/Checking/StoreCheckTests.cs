using NixFuseStore.Storage.Checking;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Packs;
using NixFuseStore.Storage.Tests.Chunks;

namespace NixFuseStore.Storage.Tests.Checking;

public sealed class StoreCheckTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("footer cut off")]
    [InlineData("chunks cut off")]
    [InlineData("header")]
    [InlineData("footer")]
    public async Task Repair_SealedPackWithoutItsFrame_IsWrittenAnew_AndReadersFollow(string damage)
    {
        // 1. Two sealed packs and an open one; the first loses its frame, perhaps with chunks, which come again.
        await using var store = await ChunkStoreFixture.OpenAsync(_directory.Path, new ChunkStoreOptions { PackBytesMax = 10_000 });
        var uploads = Enumerable.Range(0, 25).Select(_ => ChunkStoreFixture.Random(1_000)).ToArray();
        await store.Chunks.StoreAsync(store.Main, uploads, Token);
        await store.AssertHasAsync(uploads);
        var pack = (await store.Metadata.ListPacksAsync(Token))[0];
        string file = store.PackFiles().Single(file => Path.GetFileName(file) == pack.Name);
        Damage(file, damage);
        await CheckAsync(store, repair: false);
        await store.Chunks.StoreAsync(store.Main, uploads, Token);

        // 2. Named without --repair, mended with it.
        var (named, lines) = await CheckAsync(store, repair: false);
        var (mended, rest) = await CheckAsync(store, repair: true);

        Assert.Equal((1, 0), (named.Faults, named.Rewritten));
        Assert.Contains(pack.Name, Assert.Single(lines), StringComparison.Ordinal);
        Assert.Equal((0, 1), (mended.Faults, mended.Rewritten));
        Assert.Empty(rest);
        Assert.Equal(0, (await CheckAsync(store, repair: false)).Report.Faults);

        // 3. A server that knew the old name finds the new one; the old object and the row of the copy are gone.
        await store.AssertHasAsync(uploads);
        var now = await store.Metadata.FindPackAsync(pack.Id, Token);
        Assert.NotEqual(pack.Name, now!.Name);
        Assert.False(File.Exists(file));
        Assert.Equal((await store.Metadata.ListPacksAsync(Token)).Select(pack => pack.Name).Order(), store.PackFiles().Select(Path.GetFileName).Order());
        var entries = await PackFormat.ReadFooterAsync(store.Blobs, now.Name, now.Id, Token);
        Assert.Equal(await store.Metadata.ListPackChunksAsync(pack.Id, Token), entries);
    }

    [Fact]
    public async Task Repair_OfAnOpenPack_IsLeftToItsWriter()
    {
        await using var store = await ChunkStoreFixture.OpenAsync(_directory.Path);
        var uploads = Enumerable.Range(0, 5).Select(_ => ChunkStoreFixture.Random(1_000)).ToArray();
        await store.Chunks.StoreAsync(store.Main, uploads, Token);
        Damage(store.PackFiles().Single(), "header");

        var (report, lines) = await CheckAsync(store, repair: true);

        Assert.Equal((1, 0), (report.Faults, report.Rewritten));
        Assert.Contains("does not begin as packs do", Assert.Single(lines), StringComparison.Ordinal);
        await store.AssertHasAsync(uploads);
    }

    private static void Damage(string file, string damage)
    {
        using var handle = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        long length = RandomAccess.GetLength(handle);
        switch (damage)
        {
            case "footer cut off":
                RandomAccess.SetLength(handle, length - 100);
                break;
            case "chunks cut off":
                RandomAccess.SetLength(handle, 5_500);
                break;
            case "header":
                RandomAccess.Write(handle, [0], 3);
                break;
            default:
                RandomAccess.Write(handle, [0xa5, 0x5a], length - PackFormat.TrailerBytes - 30);
                break;
        }
    }

    private static async Task<(StoreCheckReport Report, IReadOnlyList<string> Lines)> CheckAsync(ChunkStoreFixture store, bool repair)
    {
        var lines = new List<string>();
        return (await StoreCheck.RunAsync(store.Metadata, store.Blobs, full: true, repair, lines.Add, Token), lines);
    }
}
