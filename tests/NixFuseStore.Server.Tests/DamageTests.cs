using System.Net;
using Google.Protobuf;
using Microsoft.Data.Sqlite;
using NixFuseStore.Content;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Protocol;
using NixFuseStore.Protocol.DataPlane;
using NixFuseStore.Server.Commands;
using NixFuseStore.Server.Tests.BinaryCache;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Storage.Metadata;
using Xunit;
using Outcome = NixFuseStore.Protocol.RegisterPathResult.Types.Outcome;

namespace NixFuseStore.Server.Tests;

/// <summary>Damage in packs and metadata: no wrong byte leaves by any door, it is named, and good bytes that come heal it.</summary>
public sealed class DamageTests() : CacheTest(CacheTransport.Http1)
{
    [Fact]
    public async Task DamagedChunk_NoDoorCompletes_AndItIsNamedOnce()
    {
        var sample = SamplePath.CreateRandom("damaged", 4, 60_000);
        await Server.RegisterAllAsync(sample);
        var info = await Cache.GetNarInfoAsync(sample.Path);
        var (id, offset) = await DamageChunkAsync(sample, 2);

        foreach (var version in (Version[])[HttpVersion.Version11, HttpVersion.Version20])
        {
            Assert.Null(await TryGetAsync(info.Url, version));
            Assert.Null(await TryGetAsync(info.Url[..^".zst".Length], version));
        }

        var frames = await Server.Data.ReadAsync(DataPlaneHelp.AskFor(sample, 0, (uint)sample.ChunkList.Count));
        Assert.Equal([2u], frames.Where(frame => frame.Header.Status == FrameStatus.Unreadable).Select(frame => frame.Header.Ordinal));
        Assert.All(frames.Where(frame => frame.Header.Status == FrameStatus.Ok), frame => DataPlaneHelp.Decode(sample, frame));
        await Eventually.HoldsAsync(async () => await Cache.HeadAsync(sample.Path.HashPart + ".narinfo") == HttpStatusCode.NotFound);
        string line = Assert.Single(Server.Log.Split('\n'), line => line.Contains(id.ToString(), StringComparison.Ordinal) && line.Contains("is damaged", StringComparison.Ordinal));
        Assert.Contains($" at {offset} ", line, StringComparison.Ordinal);
        Assert.Contains(sample.Path.BaseName, line, StringComparison.Ordinal);
        Assert.True((await QueryAsync(sample)).Damaged);
    }

    [Fact]
    public async Task PackDamagedAnywhere_EveryAnswerIsRightOrNone()
    {
        var samples = Enumerable.Range(0, 12).Select(i => SamplePath.CreateRandom($"path{i}", 3, 40_000)).ToArray();
        await Server.RegisterAllAsync(samples);
        var urls = new Dictionary<SamplePath, string>();
        foreach (var sample in samples)
        {
            urls[sample] = (await Cache.GetNarInfoAsync(sample.Path)).Url;
        }

        foreach (var sample in samples.Where((_, i) => i % 2 == 0))
        {
            await DamageChunkAsync(sample, 1);
        }

        for (var i = 0; i < samples.Length; i++)
        {
            var plain = await TryGetAsync(urls[samples[i]][..^".zst".Length], HttpVersion.Version11);
            var zstd = await TryGetAsync(urls[samples[i]], HttpVersion.Version11);
            if (i % 2 == 0)
            {
                // A chunk that two files share was compressed anew for the narinfo, and is right in memory.
                Assert.Null(plain);
                Assert.True(zstd is null || samples[i].ToNar().AsSpan().SequenceEqual(CacheClient.Decompress(NarCompression.Zstd, zstd)));
            }
            else
            {
                Assert.Equal(samples[i].ToNar(), plain);
                Assert.Equal(samples[i].ToNar(), CacheClient.Decompress(NarCompression.Zstd, zstd!));
            }
        }
    }

    [Fact]
    public async Task RegisteringAgain_TellsWhatIsMissing_AndHealsEveryDoor()
    {
        var sample = SamplePath.CreateRandom("healed", 4, 60_000);
        await Server.RegisterAllAsync(sample);
        var info = await Cache.GetNarInfoAsync(sample.Path);
        await DamageChunkAsync(sample, 0);
        await DamageChunkAsync(sample, 3);
        Assert.Null(await TryGetAsync(info.Url, HttpVersion.Version11));

        // One was met, the other is found when the path is registered again.
        var missing = await Server.RegisterAsync(sample.ToMessage(inline: false));
        Assert.Equal(Outcome.MissingChunks, missing.Outcome);
        await UploadAsync(sample, missing);
        var result = await Server.RegisterAsync(sample.ToMessage(inline: false));
        for (var attempt = 0; attempt < 3 && result.Outcome == Outcome.MissingChunks; attempt++)
        {
            await UploadAsync(sample, result);
            result = await Server.RegisterAsync(sample.ToMessage(inline: false));
        }

        Assert.Equal((Outcome.AlreadyValid, ""), (result.Outcome, result.Message));
        Assert.False(result.Path.Damaged);
        await AssertWholeAsync(sample);
    }

    [Fact]
    public async Task NarUploadedAgain_Heals()
    {
        var sample = SamplePath.CreateRandom("copied", 4, 60_000);
        await Cache.UploadAsync(sample, NarCompression.None);
        var info = await Cache.GetNarInfoAsync(sample.Path);
        await DamageChunkAsync(sample, 1);
        Assert.Null(await TryGetAsync(info.Url, HttpVersion.Version11));
        await Eventually.HoldsAsync(async () => await Cache.HeadAsync(sample.Path.HashPart + ".narinfo") == HttpStatusCode.NotFound);
        var file = CacheClient.NameOf(sample.ToNar(), NarCompression.None);
        Assert.Equal(HttpStatusCode.NotFound, await Cache.HeadAsync(file));

        Assert.Equal(HttpStatusCode.NoContent, (await Cache.UploadAsync(sample, NarCompression.None)).Status);

        await AssertWholeAsync(sample);
    }

    [Fact]
    public async Task NarUploadedToAnotherStore_HealsThisOne_ThoughNobodyMetTheDamage()
    {
        var sample = SamplePath.CreateRandom("other", 4, 60_000);
        await Server.RegisterAllAsync(sample);
        await Server.CreateStoreAsync("other");
        await DamageChunkAsync(sample, 1);

        using var other = new CacheClient(Server, "other");
        Assert.Equal(HttpStatusCode.NoContent, (await other.UploadAsync(sample, NarCompression.Zstd)).Status);

        await AssertWholeAsync(sample);
        Assert.Equal(sample.Chunks.Count, (await Server.Data.ReadAllAsync(sample, "other")).Count);
    }

    [Fact]
    public async Task PackGone_IsNamed_AndHealedByAPush()
    {
        var sample = SamplePath.CreateRandom("gone", 4, 60_000);
        await Server.RegisterAllAsync(sample);
        File.Delete(PackFiles().Single());

        // Registering reads all; nothing else has opened the pack yet, so no open file hides that it is gone.
        var missing = await Server.Client.FindMissingChunksAsync(
            new FindMissingChunksRequest { Store = "main", ChunkIds = Ids(sample) }, null, TestServer.Cancellation);
        Assert.Equal(0, missing.Missing.Span[0]);
        using var output = new StringWriter();
        Assert.Equal(1, await FsckAsync(output));
        Assert.Contains(sample.Path.BaseName, output.ToString(), StringComparison.Ordinal);

        var result = await Server.RegisterAsync(sample.ToMessage(inline: false));
        Assert.Equal(Outcome.MissingChunks, result.Outcome);
        await UploadAsync(sample, result);
        Assert.Equal(Outcome.AlreadyValid, (await Server.RegisterAsync(sample.ToMessage(inline: false))).Outcome);
        await AssertWholeAsync(sample);
        Assert.Equal(0, await FsckAsync(output));
    }

    [Theory]
    [InlineData("UPDATE sections SET zstd = zeroblob(length(zstd))")]
    [InlineData("UPDATE sections SET zstd = substr(zstd, 1, length(zstd) - 1) || x'ff'")]
    public async Task DamagedSections_DoNotLeave_AndAreHealedByAPush(string statement)
    {
        var sample = SamplePath.CreateRandom("sections", 4, 60_000);
        await Server.RegisterAllAsync(sample);
        var info = await Cache.GetNarInfoAsync(sample.Path);
        await ExecuteAsync(statement);

        Assert.Empty(await SectionsAsync(sample));
        Assert.Null(await TryGetAsync(info.Url[..^".zst".Length], HttpVersion.Version11));
        Assert.NotEqual(HttpStatusCode.OK, (await Cache.GetAsync(sample.Path.HashPart + ".ls")).Status);
        Assert.Contains("manifest section", Server.Log, StringComparison.Ordinal);
        using var output = new StringWriter();
        Assert.True((await QueryAsync(sample)).Damaged);

        Assert.Equal(Outcome.AlreadyValid, (await Server.RegisterAsync(sample.ToMessage(inline: false))).Outcome);

        Assert.NotEmpty(await SectionsAsync(sample));
        await AssertWholeAsync(sample);
        Assert.Equal(0, await FsckAsync(output));
    }

    [Theory]
    [InlineData("UPDATE locations SET places = substr(places, 1, 14) || x'00000000' || substr(places, 19)")]
    [InlineData("UPDATE locations SET places = substr(places, 1, 20)")]
    [InlineData("UPDATE chunks SET sum = sum + 1; UPDATE locations SET places = x'01'")]
    public async Task DamagedPlaces_AreMadeAgain_AndEveryByteIsRight(string statement)
    {
        var sample = SamplePath.CreateRandom("places", 4, 60_000);
        await Server.RegisterAllAsync(sample);
        await ExecuteAsync(statement);

        await AssertWholeAsync(sample);

        Assert.False((await QueryAsync(sample)).Damaged);
        using var output = new StringWriter();
        Assert.True(await FsckAsync(output) == 0, output.ToString());
    }

    [Fact]
    public async Task DamagedIndexRow_CountsAsMissing_AndIsHealed()
    {
        var sample = SamplePath.CreateRandom("row", 4, 60_000);
        await Server.RegisterAllAsync(sample);
        await ExecuteAsync("UPDATE chunks SET start = start + 7 WHERE digest = (SELECT min(digest) FROM chunks); UPDATE locations SET places = x'01'");

        using var output = new StringWriter();
        Assert.Equal(1, await FsckAsync(output));
        var result = await Server.RegisterAsync(sample.ToMessage(inline: false));
        Assert.Equal((Outcome.MissingChunks, ChunkId.Size), (result.Outcome, result.MissingChunkIds.Length));
        await UploadAsync(sample, result);
        Assert.Equal(Outcome.AlreadyValid, (await Server.RegisterAsync(sample.ToMessage(inline: false))).Outcome);
        await AssertWholeAsync(sample);
    }

    [Fact]
    public async Task DamagedHeader_GivesNoNar_AndIsHealedByAPush()
    {
        var sample = SamplePath.CreateRandom("header", 2, 60_000);
        await Server.RegisterAllAsync(sample);
        await ExecuteAsync("UPDATE manifests SET header = substr(header, 1, length(header) - 40) || zeroblob(40)");

        Assert.Equal(HttpStatusCode.NotFound, await Cache.HeadAsync(sample.Path.HashPart + ".narinfo"));
        Assert.True((await QueryAsync(sample)).Damaged);
        Assert.Equal(Outcome.AlreadyValid, (await Server.RegisterAsync(sample.ToMessage(inline: false))).Outcome);
        await AssertWholeAsync(sample);
    }

    [Fact]
    public async Task ChunksOfOldPacks_HaveTheirSumsFoundOnce()
    {
        var sample = SamplePath.CreateRandom("old", 4, 60_000);
        await Server.RegisterAllAsync(sample);
        var places = await ReadPlacesAsync(sample);
        await ExecuteAsync("UPDATE chunks SET sum = 0; UPDATE locations SET places = x'01'");

        await AssertWholeAsync(sample);

        Assert.Equal(places, await ReadPlacesAsync(sample));
    }

    [Fact]
    public async Task BlobStoreGone_StopsServing_AndMarksNothing()
    {
        var sample = SamplePath.CreateRandom("away", 2, 60_000);
        await Server.RegisterAllAsync(sample);
        var packs = Path.Combine(Server.Storage.DataDirectory, "packs");
        Directory.Move(packs, packs + ".away");
        Directory.CreateDirectory(packs);

        var frames = await Server.Data.ReadAsync(DataPlaneHelp.AskFor(sample, 0, (uint)sample.ChunkList.Count));
        Assert.All(frames, frame => Assert.Equal(FrameStatus.Unreadable, frame.Header.Status));
        using var output = new StringWriter();
        Assert.Equal(1, await FsckAsync(output));
        Assert.False((await QueryAsync(sample)).Damaged);

        Directory.Delete(packs);
        Directory.Move(packs + ".away", packs);
        await AssertWholeAsync(sample);
        Assert.Equal(0, await FsckAsync(output));
    }

    [Fact]
    public async Task Fsck_TellsAndMarks_AndRepairTakesBackWhatIsWhole()
    {
        var sample = SamplePath.CreateRandom("fsck", 4, 60_000);
        await Server.RegisterAllAsync(sample);
        using var output = new StringWriter();
        Assert.Equal(0, await FsckAsync(output, "--full"));
        Assert.Contains("all whole", output.ToString(), StringComparison.Ordinal);

        var (id, offset) = await DamageChunkAsync(sample, 1);
        Assert.Equal(1, await FsckAsync(output, "--full"));
        Assert.Equal(1, await FsckAsync(output));
        Assert.Contains($"chunk {id} in pack {Path.GetFileName(PackFiles().Single())} at {offset} is damaged: {sample.Path.BaseName} needs it", output.ToString(), StringComparison.Ordinal);

        await DamageChunkAsync(sample, 1, offset);
        Assert.Equal(0, await FsckAsync(output, "--repair"));
        Assert.Contains("1 chunks restored", output.ToString(), StringComparison.Ordinal);
        await AssertWholeAsync(sample);
    }

    private string[] PackFiles() => [.. Directory.EnumerateFiles(Path.Combine(Server.Storage.DataDirectory, "packs"), "*", SearchOption.AllDirectories)
        .Where(file => !Path.GetFileName(file).Contains('.', StringComparison.Ordinal))];

    private Task<int> FsckAsync(StringWriter output, params string[] arguments) =>
        CommandRunner.RunAsync(["fsck", .. arguments, "--data", Server.Storage.DataDirectory], output, output);

    /// <summary>Flips a bit in the middle of a stored chunk; twice makes it whole again.</summary>
    private async Task<(ChunkId Id, int Offset)> DamageChunkAsync(SamplePath sample, int ordinal, int? knownOffset = null)
    {
        var id = sample.ChunkList.Id(ordinal);
        var place = (await Server.UseMetadataAsync(metadata => metadata.FindChunksAsync(ChunkScope.All, [id], TestServer.Cancellation)))[0];
        var offset = knownOffset ?? place!.Value.Offset;
        using var file = File.OpenHandle(PackFiles().Single(), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        var bytes = new byte[1];
        RandomAccess.Read(file, bytes, offset + 100);
        RandomAccess.Write(file, [(byte)(bytes[0] ^ 16)], offset + 100);
        return (id, offset);
    }

    private async Task ExecuteAsync(string statement)
    {
        await using var connection = new SqliteConnection($"Data Source={Path.Combine(Server.Storage.DataDirectory, "metadata.sqlite")};Pooling=False");
        await connection.OpenAsync(TestServer.Cancellation);
        await using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA busy_timeout = 10000; " + statement;
        Assert.NotEqual(0, await command.ExecuteNonQueryAsync(TestServer.Cancellation));
    }

    /// <summary>The whole body of an answer that says that it is one; null for anything else.</summary>
    private async Task<byte[]?> TryGetAsync(string path, Version version)
    {
        using var http = new HttpClient { BaseAddress = new Uri(Server.Address, "main/") };
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        try
        {
            using var response = await http.SendAsync(request, TestServer.Cancellation);
            return response.IsSuccessStatusCode ? await response.Content.ReadAsByteArrayAsync(TestServer.Cancellation) : null;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    private async Task UploadAsync(SamplePath sample, RegisterPathResult result)
    {
        var ids = result.MissingChunkIds.ToByteArray();
        await Server.Data.UploadAsync(Enumerable.Range(0, ids.Length / ChunkId.Size).Select(i => sample.Chunks[ChunkId.Read(ids.AsSpan(i * ChunkId.Size))]));
    }

    private async Task AssertWholeAsync(SamplePath sample)
    {
        await Eventually.HoldsAsync(async () => await Cache.HeadAsync(sample.Path.HashPart + ".narinfo") == HttpStatusCode.OK);
        var info = await Cache.GetNarInfoAsync(sample.Path);
        byte[]? zstd = null;
        await Eventually.HoldsAsync(async () => (zstd = await TryGetAsync(info.Url, HttpVersion.Version11)) is not null);
        Assert.Equal(sample.ToNar(), CacheClient.Decompress(NarCompression.Zstd, zstd!));
        Assert.Equal(info.FileSize, (ulong)zstd!.Length);
        Assert.Equal(sample.ToNar(), await TryGetAsync(info.Url[..^".zst".Length], HttpVersion.Version20));
        Assert.Equal(sample.Chunks.Count, (await Server.Data.ReadAllAsync(sample)).Count);
    }

    private async Task<PathRecord> QueryAsync(SamplePath sample)
    {
        var request = new QueryPathsRequest { Store = "main" };
        request.HashParts.Add(sample.Path.HashPart);
        return Assert.Single((await Server.Client.QueryPathsAsync(request, null, TestServer.Cancellation)).Paths);
    }

    private async Task<List<Section>> SectionsAsync(SamplePath sample)
    {
        var request = new GetSectionsRequest { Store = "main" };
        request.Sections.AddRange(Enum.GetValues<ManifestSection>().Where(kind => sample.Manifest.Header.GetLength(kind) > 0).Select(kind => new Protocol.SectionName
        {
            ManifestDigest = ByteString.CopyFrom(sample.Manifest.Digest.ToArray()),
            SectionDigest = ByteString.CopyFrom(sample.Manifest.Header.GetDigest(kind).ToArray()),
        }));
        var sections = new List<Section>();
        await foreach (var response in Server.Client.GetSectionsAsync(request, null, TestServer.Cancellation))
        {
            sections.AddRange(response.Sections);
        }

        return sections;
    }

    private async Task<IReadOnlyList<ChunkLocation>> ReadPlacesAsync(SamplePath sample) => await Server.UseMetadataAsync(async metadata =>
    {
        var store = await metadata.FindStoreAsync("main", TestServer.Cancellation);
        return (await metadata.GetLocationsAsync(store!.Id, [sample.Manifest.Digest], TestServer.Cancellation))[0].Chunks;
    });

    private static ByteString Ids(SamplePath sample) => ByteString.CopyFrom([.. Enumerable.Range(0, sample.ChunkList.Count).SelectMany(i => sample.ChunkList.Id(i).ToArray())]);
}
