using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Packs;

namespace NixFuseStore.Storage.Tests.Chunks;

public sealed class ChunkVerifierTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Store_BytesOfADamagedChunkThatTheIndexBelievesIn_AreKept()
    {
        await using var store = await ChunkStoreFixture.OpenAsync(_directory.Path);
        ChunkUpload[] uploads = [ChunkStoreFixture.Random(1_000), ChunkStoreFixture.Random(1_000)];
        await store.Chunks.StoreAsync(store.Main, uploads, Token);
        await DamageAsync(store, uploads[0]);

        // Through another store of the same server: stores share chunks.
        var other = await store.Metadata.CreateStoreAsync(new NewStore("other", "/nix/store", 1, "k:s", "k:p"), Token);
        var result = await store.Chunks.StoreAsync(other!.Id, uploads, Token);

        Assert.Equal(1, result.Stored);
        await store.AssertHasAsync(uploads);
        Assert.Empty(await store.Metadata.ListDamagedAsync(Token));
    }

    [Fact]
    public async Task FindDamaged_NamesThemOnce_AndTheyCountAsMissingUntilTheyComeAgain()
    {
        var notices = new List<string>();
        await using var store = await ChunkStoreFixture.OpenAsync(_directory.Path, new ChunkStoreOptions { Notice = notices.Add });
        var uploads = Enumerable.Range(0, 10).Select(_ => ChunkStoreFixture.Random(1_000)).ToArray();
        await store.Chunks.StoreAsync(store.Main, uploads, Token);
        var place = await DamageAsync(store, uploads[3]);
        var all = await PlacesAsync(store, uploads);

        var damaged = await store.Chunks.Verifier.FindDamagedAsync(all, Token);
        await store.Chunks.Verifier.FindDamagedAsync(all, Token);

        Assert.Equal([uploads[3].Id], damaged.Select(chunk => chunk.Id));
        string line = Assert.Single(notices);
        Assert.Contains(uploads[3].Id.ToString(), line, StringComparison.Ordinal);
        Assert.Contains($" at {place.Offset} ", line, StringComparison.Ordinal);
        Assert.Contains(Path.GetFileName(store.PackFiles()[0]), line, StringComparison.Ordinal);
        bool[] missing = await store.Metadata.FindMissingChunksAsync(ChunkScope.All, [.. uploads.Select(upload => upload.Id)], Token);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => i == 3), missing);

        Assert.Equal(1, (await store.Chunks.StoreAsync(store.Main, uploads, Token)).Stored);
        await store.AssertHasAsync(uploads);
    }

    [Fact]
    public async Task FindDamaged_PackCutOff_NamesWhatItLacks()
    {
        await using var store = await ChunkStoreFixture.OpenAsync(_directory.Path);
        var uploads = Enumerable.Range(0, 10).Select(_ => ChunkStoreFixture.Random(1_000)).ToArray();
        await store.Chunks.StoreAsync(store.Main, uploads, Token);
        using (var file = File.OpenHandle(store.PackFiles()[0], FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            RandomAccess.SetLength(file, 5_500);
        }

        var damaged = await store.Chunks.Verifier.FindDamagedAsync(await PlacesAsync(store, uploads), Token);

        Assert.Equal(uploads[5..].Select(upload => upload.Id).Order(), damaged.Select(chunk => chunk.Id).Order());
        await store.AssertHasAsync(uploads[..5]);
    }

    [Fact]
    public async Task FindDamaged_BlobStoreNotThere_MarksNothingAndStoresNothing()
    {
        await using var store = await ChunkStoreFixture.OpenAsync(_directory.Path);
        var upload = ChunkStoreFixture.Random(1_000);
        await store.Chunks.StoreAsync(store.Main, [upload], Token);
        var places = await PlacesAsync(store, [upload]);
        string away = store.Blobs.Root + ".away";
        await store.Blobs.DisposeAsync();
        Directory.Move(store.Blobs.Root, away);
        Directory.CreateDirectory(store.Blobs.Root);

        await using var blobs = new FileBlobStore(store.Blobs.Root);
        await Assert.ThrowsAsync<BlobStoreUnavailableException>(() => ChunkStore.OpenAsync(store.Metadata, blobs, null, Token));
        Assert.Empty(await store.Metadata.ListDamagedAsync(Token));
        Assert.False(Assert.Single(await store.Metadata.FindMissingChunksAsync(ChunkScope.All, [upload.Id], Token)));
        Assert.Empty(Directory.EnumerateFileSystemEntries(store.Blobs.Root));
        Assert.NotEmpty(places);
    }

    [Fact]
    public async Task FindDamaged_DiskGoneWhileOpen_IsToldAndMarksNothing()
    {
        await using var store = await ChunkStoreFixture.OpenAsync(_directory.Path, new ChunkStoreOptions { PackBytesMax = 2_000 });
        var uploads = Enumerable.Range(0, 6).Select(_ => ChunkStoreFixture.Random(1_500)).ToArray();
        await store.Chunks.StoreAsync(store.Main, uploads, Token);
        var places = await PlacesAsync(store, uploads);
        Directory.Move(store.Blobs.Root, store.Blobs.Root + ".away");
        Directory.CreateDirectory(store.Blobs.Root);

        await Assert.ThrowsAsync<BlobStoreUnavailableException>(() => store.Chunks.Verifier.FindDamagedAsync(places, Token));
        await Assert.ThrowsAnyAsync<IOException>(
            () => store.Chunks.StoreAsync(store.Main, [.. Enumerable.Range(0, 3).Select(_ => ChunkStoreFixture.Random(1_500))], Token));
        Assert.Empty(await store.Metadata.ListDamagedAsync(Token));
        Assert.Empty(store.PackFiles());

        Directory.Delete(store.Blobs.Root, recursive: true);
        Directory.Move(store.Blobs.Root + ".away", store.Blobs.Root);
        Assert.Empty(await store.Chunks.Verifier.FindDamagedAsync(places, Token));
    }

    [Fact]
    public async Task FindDamaged_UnreadablePack_IsAnErrorAndNoDamage()
    {
        await using var store = await ChunkStoreFixture.OpenAsync(_directory.Path);
        var upload = ChunkStoreFixture.Random(1_000);
        await store.Chunks.StoreAsync(store.Main, [upload], Token);
        var places = await PlacesAsync(store, [upload]);

        // A directory in the pack's place: it opens and cannot be read.
        string pack = store.PackFiles()[0];
        File.Move(pack, pack + "x");
        Directory.CreateDirectory(pack);

        var exception = await Assert.ThrowsAnyAsync<IOException>(() => store.Chunks.Verifier.FindDamagedAsync(places, Token));
        Assert.IsNotType<FileNotFoundException>(exception);
        Assert.Empty(await store.Metadata.ListDamagedAsync(Token));

        Directory.Delete(pack);
        File.Move(pack + "x", pack);
        Assert.Empty(await store.Chunks.Verifier.FindDamagedAsync(places, Token));
    }

    [Fact]
    public async Task CreatePack_CleanUpFailsToo_TheFirstExceptionIsThrown()
    {
        var notices = new List<string>();
        await using var store = await ChunkStoreFixture.OpenAsync(_directory.Path, new ChunkStoreOptions { Notice = notices.Add });

        // The database goes away between the pack's row and its file, whose directory cannot be made.
        foreach (string folder in Enumerable.Range(0, 256).Select(i => Path.Combine(store.Blobs.Root, i.ToString("x2", System.Globalization.CultureInfo.InvariantCulture))))
        {
            await File.WriteAllBytesAsync(folder, [], Token);
        }

        var exception = await Assert.ThrowsAnyAsync<IOException>(() => store.Chunks.StoreAsync(store.Main, [ChunkStoreFixture.Random(10)], Token));

        Assert.Contains(store.Blobs.Root, exception.Message, StringComparison.Ordinal);
        Assert.Empty(await store.Metadata.ListPacksAsync(Token));
    }

    private static async Task<ChunkLocation> DamageAsync(ChunkStoreFixture store, ChunkUpload upload)
    {
        var place = (await PlacesAsync(store, [upload]))[0].Location;
        using var file = File.OpenHandle(store.PackFiles()[0], FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        RandomAccess.Write(file, [(byte)~upload.Payload.Span[10]], place.Offset + 10);
        return place;
    }

    private static async Task<IndexedChunk[]> PlacesAsync(ChunkStoreFixture store, ChunkUpload[] uploads)
    {
        var places = await store.Metadata.FindChunksAsync(ChunkScope.All, [.. uploads.Select(upload => upload.Id)], Token);
        return [.. uploads.Zip(places, (upload, place) => new IndexedChunk(upload.Id, place!.Value))];
    }
}
