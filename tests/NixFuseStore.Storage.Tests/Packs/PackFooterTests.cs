using NixFuseStore.Content;
using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Packs;
using NixFuseStore.Storage.Tests.Chunks;

namespace NixFuseStore.Storage.Tests.Packs;

public sealed class PackFooterTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void CreateFooter_HasTheLayoutOfThePage()
    {
        var id = ChunkId.Compute([7]);

        byte[] footer = PackFormat.CreateFooter([new IndexedChunk(id, new ChunkLocation(new PackId(5), 16, 0x203, 0x405, ChunkEncoding.Zstd, new StoredSum(0x0807060504030201)))], 0x213);

        Assert.Equal(52 + 56, footer.Length);
        Assert.Equal(id.ToArray(), footer[..32]);
        Assert.Equal([16, 0, 0, 0, 3, 2, 0, 0, 5, 4, 0, 1], footer[32..44]);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], footer[44..52]);
        Assert.Equal([0x13, 2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0], footer[52..68]);
        Assert.Equal(System.Security.Cryptography.SHA256.HashData(footer.AsSpan(0, 68)), footer[68..100]);
        Assert.Equal("packend\n"u8.ToArray(), footer[100..]);
    }

    [Fact]
    public async Task ReadFooter_OfVersion1_HasNoSums()
    {
        // 16 bytes of header, a payload of 10, an entry of 44 bytes, the trailer.
        await using var blobs = new FileBlobStore(_directory.Path);
        var id = ChunkId.Compute([1]);
        byte[] entry = [.. id.ToArray(), 16, 0, 0, 0, 10, 0, 0, 0, 20, 0, 0, 1];
        byte[] trailer = [26, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0];
        byte[] pack =
        [
            .. "nixfuse pack 1\n\0"u8, .. new byte[10], .. entry, .. trailer,
            .. System.Security.Cryptography.SHA256.HashData([.. entry, .. trailer]), .. "packend\n"u8,
        ];

        var chunk = Assert.Single(await ReadAsync(blobs, pack));

        Assert.Equal(new IndexedChunk(id, new ChunkLocation(new PackId(0), 16, 10, 20, ChunkEncoding.Zstd)), chunk);
        Assert.False(chunk.Location.Sum.IsKnown);
    }

    [Fact]
    public async Task ReadFooter_TruncatedOrChangedAnywhere_IsRefused()
    {
        // 1. A good one.
        await using var blobs = new FileBlobStore(_directory.Path);
        byte[] payload = [.. PackFormat.Header, .. new byte[30]];
        IndexedChunk[] chunks =
        [
            new(ChunkId.Compute([1]), new ChunkLocation(new PackId(0), 16, 10, 20, ChunkEncoding.Zstd)),
            new(ChunkId.Compute([2]), new ChunkLocation(new PackId(0), 26, 20, 20, ChunkEncoding.Plain)),
        ];
        byte[] pack = [.. payload, .. PackFormat.CreateFooter(chunks, payload.Length)];
        Assert.Equal(chunks, await ReadAsync(blobs, pack));

        // 2. Cut at every length.
        for (int length = 0; length < pack.Length; length++)
        {
            await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync(blobs, pack[..length]));
        }

        // 3. Each byte of the footer changed.
        for (int i = payload.Length; i < pack.Length; i++)
        {
            byte[] changed = [.. pack];
            changed[i] ^= 0x41;
            await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync(blobs, changed));
        }

        // 4. Entries that cannot be, under a good checksum.
        IndexedChunk[][] impossible =
        [
            [chunks[0] with { Location = chunks[0].Location with { Offset = 15 } }],
            [chunks[0] with { Location = chunks[0].Location with { StoredLength = 31 } }],
            [chunks[0] with { Location = chunks[0].Location with { StoredLength = -1 } }],
            [chunks[0], chunks[1] with { Location = chunks[1].Location with { Offset = 25 } }],
            [chunks[0] with { Location = chunks[0].Location with { Encoding = (ChunkEncoding)2 } }],
        ];
        foreach (var entries in impossible)
        {
            await Assert.ThrowsAsync<InvalidDataException>(
                () => ReadAsync(blobs, [.. payload, .. PackFormat.CreateFooter(entries, payload.Length)]));
        }
    }

    [Fact]
    public async Task Rebuild_FromPacksAlone_FindsEveryChunkOfSealedPacksAndNamesTheOthers()
    {
        // 1. Some packs, the last of which stays open, and one that is damaged.
        var options = new ChunkStoreOptions { PackBytesMax = 50_000 };
        var uploads = Enumerable.Range(0, 30).Select(_ => ChunkStoreFixture.Random(9_000)).ToArray();
        await using (var store = await ChunkStoreFixture.OpenAsync(_directory.Path, options))
        {
            foreach (var upload in uploads)
            {
                await store.Chunks.StoreAsync(store.Main, [upload], Token);
            }
        }

        using var copy = _directory.Copy();
        foreach (string file in Directory.EnumerateFiles(copy.Path, "metadata.db*"))
        {
            File.Delete(file);
        }

        // 2. A database that knows nothing.
        await using var rebuilt = await ChunkStoreFixture.OpenAsync(copy.Path, options);
        string damaged = rebuilt.PackFiles().Order().First(file => new FileInfo(file).Length > 40_000);
        using (var file = File.OpenHandle(damaged, FileMode.Open, FileAccess.ReadWrite))
        {
            RandomAccess.Write(file, [0], RandomAccess.GetLength(file) - 60);
        }

        var report = await PackIndexRebuilder.RunAsync(rebuilt.Metadata, rebuilt.Blobs, rebuilt.Main, Token);
        var again = await PackIndexRebuilder.RunAsync(rebuilt.Metadata, rebuilt.Blobs, rebuilt.Main, Token);

        // 3. What the good packs hold is there and reads well.
        Assert.Equal(again.Packs, report.Packs);
        Assert.Contains(report.Skipped, skipped => skipped.Name == Path.GetFileName(damaged));
        var places = await rebuilt.Metadata.FindChunksAsync(ChunkScope.Of(rebuilt.Main), [.. uploads.Select(upload => upload.Id)], Token);
        var found = uploads.Where((_, i) => places[i] is not null).ToArray();
        Assert.Equal(report.Chunks, found.Length);
        Assert.True(found.Length >= 20, $"only {found.Length} chunks found");
        await rebuilt.AssertHasAsync(found);
    }

    private static async Task<IReadOnlyList<IndexedChunk>> ReadAsync(FileBlobStore blobs, byte[] pack)
    {
        await blobs.DeleteAsync("aa77", Token);
        await using (var writer = await blobs.CreateAsync("aa77", Token))
        {
            await writer.AppendAsync([pack], Token);
        }

        return await PackFormat.ReadFooterAsync(blobs, "aa77", new PackId(0), Token);
    }
}
