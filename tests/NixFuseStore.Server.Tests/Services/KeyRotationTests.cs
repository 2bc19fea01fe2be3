using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Tests.Commands;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Storage.Metadata;
using Xunit;

namespace NixFuseStore.Server.Tests.Services;

/// <summary>A store's key is changed while it serves: both keys sign until the old one is dropped.</summary>
public sealed class KeyRotationTests
{
    [Fact]
    public async Task Rotate_SignsAllPathsAgain_AndDropsTheOldKeyAfterwards()
    {
        await using var server = await TestServer.StartAsync();
        var samples = Enumerable.Range(0, 250).Select(i => SamplePath.CreateRandom($"p{i}", 1, 100)).ToArray();
        await server.RegisterAllAsync(samples);
        using var cache = new CacheClient(server);
        Assert.Equal(["main-1"], (await cache.GetNarInfoAsync(samples[0].Path)).Info.Signatures.Select(signature => signature.KeyName));

        // 1. A new key; the old one cannot go while paths lack the new one's signature.
        var rotated = await RunAsync(server, "store", "rotate-key", "main");
        Assert.StartsWith("main-2:", rotated.Output, StringComparison.Ordinal);
        Assert.Contains("drop-key main main-1", rotated.Error, StringComparison.Ordinal);
        Assert.Contains("signs with", (await RunAsync(server, "store", "drop-key", "main", "main-2")).Error, StringComparison.Ordinal);

        // 2. In the background every path gets both of its signatures, which hold.
        await Eventually.HoldsAsync(async () => await CountUnsignedAsync(server) == 0);
        var key = NixPublicKey.Parse(rotated.Output.Trim());
        foreach (var path in await QueryAsync(server, samples))
        {
            var info = Records.ToPathInfo(path);
            Assert.True(info.IsSignedByAny(StoreDirectory.Default, [key]));
            var statement = new PathStatement("main", StoreDirectory.Default, info, path.ManifestDigest);
            Assert.True(statement.IsSignedByAny([key], path.StoreSignatures.Select(NixSignature.Parse)));
            Assert.Equal(2, path.StoreSignatures.Count);
        }

        Assert.Equal(["main-1", "main-2"], (await cache.GetNarInfoAsync(samples[0].Path)).Info.Signatures.Select(signature => signature.KeyName).Order());
        Assert.Contains("signed 250 paths again with main-2", server.Log, StringComparison.Ordinal);

        // 3. The old key goes, and with it what it signed.
        Assert.StartsWith("dropped main-1:", (await RunAsync(server, "store", "drop-key", "main", "main-1")).Output, StringComparison.Ordinal);
        foreach (var path in await QueryAsync(server, samples))
        {
            Assert.All(path.Signatures.Concat(path.StoreSignatures), text => Assert.StartsWith("main-2:", text, StringComparison.Ordinal));
        }

        Assert.Equal(1, (await RunAsync(server, "store", "drop-key", "main", "main-1")).Status);
    }

    [Fact]
    public async Task Drop_PathsNotSignedYet_IsRefused()
    {
        var directory = Directory.CreateTempSubdirectory("nixfuse-rotate-").FullName;
        await using (var server = await ServerProcess.ServeAsync(directory))
        {
            await CommandTests.PushAsync(server.Address, SamplePath.CreateRandom("p", 1, 100));
        }

        // No server runs that could sign.
        await ServerProcess.RunAsync("store", "rotate-key", "main", "--data", directory);
        var refused = await ServerProcess.RunAsync("store", "drop-key", "main", "main-1", "--data", directory);

        Assert.Equal(1, refused.Status);
        Assert.Contains("1 paths of store main are not signed by main-2 yet", refused.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await ServerProcess.RunAsync("store", "drop-key", "main", "main-1", "--force", "--data", directory)).Status);
        Directory.Delete(directory, recursive: true);
    }

    private static Task<long> CountUnsignedAsync(TestServer server) => server.UseMetadataAsync(async metadata =>
        await metadata.CountUnsignedPathsAsync((await metadata.FindStoreAsync("main", TestServer.Cancellation))!.Id, "main-2", TestServer.Cancellation));

    private static Task<IReadOnlyList<StoredPath>> QueryAsync(TestServer server, SamplePath[] samples) => server.UseMetadataAsync(async metadata =>
        await metadata.QueryPathsAsync(
            (await metadata.FindStoreAsync("main", TestServer.Cancellation))!.Id, [.. samples.Select(sample => sample.Path.HashPart)], TestServer.Cancellation));

    private static Task<(int Status, string Output, string Error)> RunAsync(TestServer server, params string[] command) =>
        ServerProcess.RunAsync([.. command, "--data", server.Storage.DataDirectory]);
}
