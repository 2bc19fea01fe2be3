using NixFuseStore.Content;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Tests.Metadata;

public abstract partial class MetadataContract
{
    [Fact]
    public async Task Pack_IsClaimedOnlyAfterItsLease_AndItsFormerOwnerIsTold()
    {
        var pack = await Metadata.CreatePackAsync("aa01", "first", TimeSpan.FromMinutes(1), Token);
        Assert.Equal((PackState.Open, "first", 0L), (pack.State, pack.Owner, pack.IndexedBytes));
        Assert.False(await Metadata.ClaimPackAsync(pack.Id, "second", TimeSpan.FromMinutes(1), Token));
        Assert.Equal(1, await Metadata.IndexChunksAsync(Main, "first", [Chunk(1, pack.Id, 16, 100)], Token));

        // Leases go by the database's clock, so the lease is set to one that is over.
        Assert.Equal([pack.Id], await Metadata.RenewPackLeasesAsync("first", TimeSpan.FromSeconds(-1), Token));
        Assert.True(await Metadata.ClaimPackAsync(pack.Id, "second", TimeSpan.FromMinutes(1), Token));

        await Assert.ThrowsAsync<PackLostException>(
            () => Metadata.IndexChunksAsync(Main, "first", [Chunk(2, pack.Id, 116, 100)], Token));
        Assert.Empty(await Metadata.RenewPackLeasesAsync("first", TimeSpan.FromMinutes(1), Token));
        Assert.False(await Metadata.SealPackAsync(pack.Id, "first", 500, Token));
        var chunk = Assert.Single(await Metadata.ListPackChunksAsync(pack.Id, Token));
        Assert.Equal(Chunk(1, pack.Id, 16, 100), chunk);
        Assert.Equal(116, (await Metadata.FindPackAsync(pack.Id, Token))!.IndexedBytes);

        Assert.Equal([pack.Id], await Metadata.RenewPackLeasesAsync("second", TimeSpan.FromMinutes(1), Token));
        Assert.True(await Metadata.SealPackAsync(pack.Id, "second", 500, Token));
        Assert.False(await Metadata.ClaimPackAsync(pack.Id, "third", TimeSpan.FromMinutes(1), Token));
    }

    [Fact]
    public async Task Pack_Released_MayBeClaimedAtOnce()
    {
        var pack = await Metadata.CreatePackAsync("aa02", "first", TimeSpan.FromMinutes(1), Token);

        await Metadata.ReleasePackAsync(pack.Id, "first", Token);

        Assert.True(await Metadata.ClaimPackAsync(pack.Id, "second", TimeSpan.FromMinutes(1), Token));
        await Metadata.DeleteEmptyPackAsync(pack.Id, Token);
        Assert.Null(await Metadata.FindPackAsync(pack.Id, Token));
        Assert.True((await Metadata.CreatePackAsync("aa03", "x", TimeSpan.Zero, Token)).Id.Value > pack.Id.Value);
    }

    [Fact]
    public async Task Pack_Replaced_KeepsItsNumberAndChunks_UnlessEitherHasChangedMeanwhile()
    {
        var pack = await Metadata.CreatePackAsync("aa05", "first", TimeSpan.FromMinutes(1), Token);
        await Metadata.IndexChunksAsync(Main, "first", [Chunk(1, pack.Id, 16, 100)], Token);
        var copy = await Metadata.CreatePackAsync("aa06", "check", TimeSpan.FromMinutes(1), Token);

        // An open pack is its writer's; a copy that another process has taken over is not the caller's any more.
        Assert.False(await Metadata.ReplacePackAsync(pack, copy, 300, Token));
        await Metadata.SealPackAsync(pack.Id, "first", 200, Token);
        Assert.False(await Metadata.ReplacePackAsync(pack, copy with { Owner = "other" }, 300, Token));
        Assert.Equal("aa05", (await Metadata.FindPackAsync(pack.Id, Token))!.Name);

        Assert.True(await Metadata.ReplacePackAsync(pack, copy, 300, Token));
        var now = await Metadata.FindPackAsync(pack.Id, Token);
        Assert.Equal(("aa06", PackState.Sealed, 300L), (now!.Name, now.State, now.IndexedBytes));
        Assert.Null(await Metadata.FindPackAsync(copy.Id, Token));
        Assert.Equal(Chunk(1, pack.Id, 16, 100), Assert.Single(await Metadata.ListPackChunksAsync(pack.Id, Token)));

        // Who read the old name comes too late.
        var late = await Metadata.CreatePackAsync("aa07", "check", TimeSpan.FromMinutes(1), Token);
        Assert.False(await Metadata.ReplacePackAsync(pack, late, 300, Token));
        Assert.NotNull(await Metadata.FindPackAsync(late.Id, Token));
    }

    [Fact]
    public async Task Chunk_IndexedTwice_KeepsItsPlace()
    {
        var pack = await Metadata.CreatePackAsync("aa04", "first", TimeSpan.FromMinutes(1), Token);

        Assert.Equal(2, await Metadata.IndexChunksAsync(Main, "first", [Chunk(1, pack.Id, 16, 10), Chunk(2, pack.Id, 26, 10)], Token));
        Assert.Equal(1, await Metadata.IndexChunksAsync(Main, "first", [Chunk(2, pack.Id, 36, 10), Chunk(3, pack.Id, 46, 10)], Token));

        var found = await Metadata.FindChunksAsync(ChunkScope.All, [Id(3), Id(9), Id(2), Id(1)], Token);
        Assert.Equal([46, null, 26, 16], found.Select(place => place?.Offset));
        Assert.Equal("010", string.Concat((await Metadata.FindMissingChunksAsync(ChunkScope.All, [Id(3), Id(9), Id(2)], Token)).Select(missing => missing ? 1 : 0)));
        Assert.Empty(await Metadata.FindMissingChunksAsync(ChunkScope.All, [], Token));
    }

    [Fact]
    public async Task FindMissing_SixtyThousandAtOnce_AnswersEach()
    {
        var pack = await Metadata.CreatePackAsync("aa05", "first", TimeSpan.FromMinutes(1), Token);
        var chunks = Enumerable.Range(0, 1_000).Select(i => Chunk(2 * i, pack.Id, 16 + i, 1)).ToArray();
        await Metadata.IndexChunksAsync(Main, "first", chunks, Token);

        bool[] missing = await Metadata.FindMissingChunksAsync(ChunkScope.Of(Main), [.. Enumerable.Range(0, 60_000).Select(Id)], Token);

        Assert.Equal(Enumerable.Range(0, 60_000).Select(i => i % 2 != 0 || i >= 2_000), missing);
    }

    private static ChunkId Id(int number) => ChunkId.Compute(BitConverter.GetBytes(number));

    private static IndexedChunk Chunk(int number, PackId pack, int offset, int length) =>
        new(Id(number), new ChunkLocation(pack, offset, length, length * 3, ChunkEncoding.Zstd));
}
