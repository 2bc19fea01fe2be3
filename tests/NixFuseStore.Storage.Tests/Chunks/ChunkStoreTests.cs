using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Packs;

namespace NixFuseStore.Storage.Tests.Chunks;

public sealed class ChunkStoreTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Store_ThenRead_ReturnsTheBytesSideBySide()
    {
        await using var store = await ChunkStoreFixture.OpenAsync(_directory.Path);
        byte[] plain = new byte[50_000];
        var zstd = new ChunkUpload(ChunkId.Compute(plain), ChunkEncoding.Zstd, plain.Length, Zstd.Compress(plain, 3));
        ChunkUpload[] uploads = [ChunkStoreFixture.Random(1_000), zstd, ChunkStoreFixture.Random(0), ChunkStoreFixture.Random(70_000)];

        var result = await store.Chunks.StoreAsync(store.Main, uploads, Token);

        Assert.Equal((4, 4), (result.Received, result.Stored));
        Assert.Equal(uploads.Sum(upload => upload.Payload.Length), result.StoredBytes);
        await store.AssertHasAsync(uploads);
        var places = await store.Metadata.FindChunksAsync(ChunkScope.All, [.. uploads.Select(upload => upload.Id)], Token);
        byte[] together = new byte[result.StoredBytes];
        await store.Chunks.ReadAsync(places[0]!.Value.Pack, places[0]!.Value.Offset, together, Token);
        Assert.Equal(uploads.SelectMany(upload => upload.Payload.ToArray()), together);
    }

    [Fact]
    public async Task Store_WhatIsThere_IsNotWrittenAgain()
    {
        await using var store = await ChunkStoreFixture.OpenAsync(_directory.Path);
        var upload = ChunkStoreFixture.Random(1_000);
        var other = await store.Metadata.CreateStoreAsync(new NewStore("other", "/nix/store", 1, "k:s", "k:p"), Token);

        Assert.Equal(1, (await store.Chunks.StoreAsync(store.Main, [upload, upload], Token)).Stored);
        Assert.Equal(0, (await store.Chunks.StoreAsync(store.Main, [upload], Token)).Stored);
        Assert.True(Assert.Single(await store.Metadata.FindMissingChunksAsync(ChunkScope.Of(other!.Id), [upload.Id], Token)));
        Assert.Equal(0, (await store.Chunks.StoreAsync(other.Id, [upload], Token)).Stored);

        Assert.False(Assert.Single(await store.Metadata.FindMissingChunksAsync(ChunkScope.Of(other.Id), [upload.Id], Token)));
        Assert.Equal(1_000, store.Chunks.Counters.BytesStored);
    }

    [Fact]
    public async Task Store_ManyAtOnce_ShareFlushesAndOnePack()
    {
        await using var store = await ChunkStoreFixture.OpenAsync(_directory.Path);
        var uploads = Enumerable.Range(0, 2_000).Select(_ => ChunkStoreFixture.Random(300)).ToArray();

        await Task.WhenAll(uploads.Select(upload => store.Chunks.StoreAsync(store.Main, [upload], Token)));

        var counters = store.Chunks.Counters;
        Assert.Equal(2_000, counters.ChunksStored);
        Assert.Equal(1, counters.PacksCreated);
        Assert.True(counters.Flushes < 500, $"{counters.Flushes} flushes");
        await store.AssertHasAsync(uploads);
    }

    [Fact]
    public async Task Store_MoreThanAPackTakes_SealsItAndBeginsAnother()
    {
        await using var store = await ChunkStoreFixture.OpenAsync(_directory.Path, new ChunkStoreOptions { PackBytesMax = 100_000 });
        var uploads = Enumerable.Range(0, 25).Select(_ => ChunkStoreFixture.Random(20_000)).ToArray();

        await store.Chunks.StoreAsync(store.Main, uploads[..12], Token);
        await store.Chunks.StoreAsync(store.Main, uploads[12..], Token);

        await store.AssertHasAsync(uploads);
        var packs = await store.Metadata.ListPacksAsync(Token);
        Assert.Equal(7, packs.Count);
        Assert.Equal(6, packs.Count(pack => pack.State == PackState.Sealed));
        Assert.Equal(6, store.Chunks.Counters.PacksSealed);
        Assert.All(
            packs.Where(pack => pack.State == PackState.Sealed),
            pack => Assert.Equal(pack.IndexedBytes, new FileInfo(store.PackFiles().Single(file => file.EndsWith(pack.Name, StringComparison.Ordinal))).Length));
    }

    [Fact]
    public async Task Open_AfterCleanEnd_GoesOnWithTheSamePack()
    {
        var uploads = Enumerable.Range(0, 5).Select(_ => ChunkStoreFixture.Random(5_000)).ToArray();
        foreach (var upload in uploads)
        {
            await using var store = await ChunkStoreFixture.OpenAsync(_directory.Path);
            await store.Chunks.StoreAsync(store.Main, [upload], Token);
        }

        await using var last = await ChunkStoreFixture.OpenAsync(_directory.Path);
        await last.AssertHasAsync(uploads);
        Assert.Single(last.PackFiles());
    }

    [Fact]
    public async Task TwoServers_OneDatabaseAndDirectory_WriteTheirOwnPacks()
    {
        await using var first = await ChunkStoreFixture.OpenAsync(_directory.Path);
        await using var second = await ChunkStoreFixture.OpenAsync(_directory.Path);
        var uploads = Enumerable.Range(0, 60).Select(_ => ChunkStoreFixture.Random(2_000)).ToArray();

        await Task.WhenAll(
            Task.Run(() => Task.WhenAll(uploads[..40].Select(upload => first.Chunks.StoreAsync(first.Main, [upload], Token)))),
            Task.Run(() => Task.WhenAll(uploads[20..].Select(upload => second.Chunks.StoreAsync(second.Main, [upload], Token)))));

        await first.AssertHasAsync(uploads);
        await second.AssertHasAsync(uploads);
        Assert.Equal(2, first.PackFiles().Length);
    }

    [Fact]
    public async Task ReadVerified_DamagedBytes_IsToldAndOthersAreStillRead()
    {
        await using var store = await ChunkStoreFixture.OpenAsync(_directory.Path);
        ChunkUpload[] uploads = [ChunkStoreFixture.Random(1_000), ChunkStoreFixture.Random(1_000)];
        await store.Chunks.StoreAsync(store.Main, uploads, Token);
        var places = await store.Metadata.FindChunksAsync(ChunkScope.All, [.. uploads.Select(upload => upload.Id)], Token);
        using (var file = File.OpenHandle(store.PackFiles()[0], FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            RandomAccess.Write(file, [(byte)~uploads[0].Payload.Span[10]], places[0]!.Value.Offset + 10);
        }

        await Assert.ThrowsAsync<InvalidDataException>(
            () => store.Chunks.ReadVerifiedAsync(uploads[0].Id, places[0]!.Value, new byte[1_000], Token).AsTask());
        await store.AssertHasAsync(uploads[1]);
    }

    [Fact]
    public async Task Read_BehindTheEndOrOfNoPack_Throws()
    {
        await using var store = await ChunkStoreFixture.OpenAsync(_directory.Path);
        var upload = ChunkStoreFixture.Random(1_000);
        await store.Chunks.StoreAsync(store.Main, [upload], Token);
        var pack = (await store.Metadata.ListPacksAsync(Token))[0].Id;

        await Assert.ThrowsAsync<EndOfStreamException>(() => store.Chunks.ReadAsync(pack, 900, new byte[500], Token).AsTask());
        await Assert.ThrowsAsync<FileNotFoundException>(() => store.Chunks.ReadAsync(new PackId(99), 0, new byte[1], Token).AsTask());
    }

    [Fact]
    public async Task Store_AfterTheEnd_IsRefused()
    {
        var store = await ChunkStoreFixture.OpenAsync(_directory.Path);
        await store.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(
            () => store.Chunks.StoreAsync(store.Main, [ChunkStoreFixture.Random(10)], Token));
    }
}
