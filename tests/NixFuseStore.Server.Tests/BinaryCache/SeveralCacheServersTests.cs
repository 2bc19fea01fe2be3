using System.Net;
using NixFuseStore.Nix;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Testing.Databases;
using Xunit;

namespace NixFuseStore.Server.Tests.BinaryCache;

/// <summary>Two servers on one PostgreSQL and one directory of packs, as one binary cache.</summary>
public sealed class SeveralCacheServersTests(PostgresServer postgres) : IAsyncLifetime
{
    private readonly string _blobs = Directory.CreateTempSubdirectory("nixfuse-shared-").FullName;
    private TestServer _a = null!;
    private TestServer _b = null!;
    private CacheClient _onA = null!;
    private CacheClient _onB = null!;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(PostgresServer.WhyMissing is not null, PostgresServer.WhyMissing ?? "");
        var database = await postgres.CreateDatabaseAsync();
        _a = await TestServer.StartAsync(metadata: database, blobs: "file:" + _blobs);
        _b = await TestServer.StartAsync(metadata: database, blobs: "file:" + _blobs);
        _onA = new CacheClient(_a);
        _onB = new CacheClient(_b);
    }

    public async ValueTask DisposeAsync()
    {
        if (_b is not null)
        {
            _onA.Dispose();
            _onB.Dispose();
            await _b.DisposeAsync();
            await _a.DisposeAsync();
        }

        Directory.Delete(_blobs, recursive: true);
    }

    [Fact]
    public async Task NarOnOne_NarInfoOnTheOther_IsOnePath()
    {
        var sample = CacheSamples.Create("split");
        var file = CacheClient.Compress(NarCompression.Xz, sample.ToNar());
        var info = CacheClient.NarInfoOf(sample, file, NarCompression.Xz);
        Assert.Equal(HttpStatusCode.NoContent, (await _onA.PutAsync(info.Url, file)).Status);
        Assert.Equal(HttpStatusCode.OK, await _onB.HeadAsync(info.Url));

        Assert.Equal((HttpStatusCode.NoContent, ""), await _onB.PutAsync(sample.Path.HashPart + ".narinfo", info.Print(StoreDirectory.Default)));

        Assert.Equal(sample.ToNar(), CacheClient.Decompress(NarCompression.Xz, (await _onA.GetAsync(info.Url)).Body));
        Assert.Equal(sample.NarHash, (await _onA.GetNarInfoAsync(sample.Path)).Info.NarHash);
    }

    [Fact]
    public async Task SignaturesAndRemovals_OnOne_ShowOnTheOtherSoon()
    {
        var sample = CacheSamples.Create("changed");
        await _onA.UploadAsync(sample, NarCompression.None);
        var info = await _onB.GetNarInfoAsync(sample.Path);
        var key = NixSecretKey.Generate("somebody-1");
        var signed = info with { Info = info.Info.WithSignature(StoreDirectory.Default, key) };

        await _onA.PutAsync(sample.Path.HashPart + ".narinfo", signed.Print(StoreDirectory.Default));
        await Eventually.HoldsAsync(
            async () => (await _onB.GetNarInfoAsync(sample.Path)).Info.IsSignedByAny(StoreDirectory.Default, [key.PublicKey]));

        var request = new RevokePathsRequest { Store = "main" };
        request.BaseNames.Add(sample.Path.BaseName);
        await _a.Client.RevokePathsAsync(request, null, TestServer.Cancellation);
        await Eventually.HoldsAsync(async () => await _onB.HeadAsync(sample.Path.HashPart + ".narinfo") == HttpStatusCode.NotFound);
        Assert.Equal(HttpStatusCode.NotFound, (await _onB.GetAsync(info.Url)).Status);
    }
}
