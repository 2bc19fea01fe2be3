using System.Security.Cryptography;
using NixFuseStore.Content;
using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Packs;

namespace NixFuseStore.Storage.Tests.Chunks;

/// <summary>A chunk store over SQLite and a directory.</summary>
internal sealed class ChunkStoreFixture : IAsyncDisposable
{
    private ChunkStoreFixture(IMetadataStore metadata, FileBlobStore blobs, ChunkStore chunks, StoreId main)
    {
        Metadata = metadata;
        Blobs = blobs;
        Chunks = chunks;
        Main = main;
    }

    public IMetadataStore Metadata { get; }

    public FileBlobStore Blobs { get; }

    public ChunkStore Chunks { get; }

    public StoreId Main { get; }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<ChunkStoreFixture> OpenAsync(string directory, ChunkStoreOptions? options = null, string? blobDirectory = null)
    {
        var metadata = await StorageFactory.OpenMetadataAsync($"sqlite:{Path.Combine(directory, "metadata.db")}", Token);
        var store = await metadata.FindStoreAsync("main", Token)
            ?? await metadata.CreateStoreAsync(new NewStore("main", "/nix/store", 1, "k:s", "k:p"), Token);
        var blobs = new FileBlobStore(blobDirectory ?? Path.Combine(directory, "packs"));
        return new ChunkStoreFixture(metadata, blobs, await ChunkStore.OpenAsync(metadata, blobs, options, Token), store!.Id);
    }

    /// <summary>A chunk of random bytes, stored plain.</summary>
    public static ChunkUpload Random(int length) => Plain(RandomNumberGenerator.GetBytes(length));

    public static ChunkUpload Plain(byte[] bytes) => new(ChunkId.Compute(bytes), ChunkEncoding.Plain, bytes.Length, bytes);

    public async Task AssertHasAsync(params IEnumerable<ChunkUpload> uploads)
    {
        ChunkUpload[] all = [.. uploads];
        var places = await Metadata.FindChunksAsync(ChunkScope.Of(Main), [.. all.Select(upload => upload.Id)], Token);
        for (int i = 0; i < all.Length; i++)
        {
            Assert.NotNull(places[i]);
            await Chunks.ReadVerifiedAsync(all[i].Id, places[i]!.Value, new byte[all[i].PlainLength], Token);
        }
    }

    public string[] PackFiles() =>
        [.. Directory.EnumerateFiles(Blobs.Root, "*", SearchOption.AllDirectories).Where(file => !Path.GetFileName(file).Contains('.', StringComparison.Ordinal))];

    public async ValueTask DisposeAsync()
    {
        await Chunks.DisposeAsync();
        await Blobs.DisposeAsync();
        await Metadata.DisposeAsync();
    }
}
