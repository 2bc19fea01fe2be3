using System.Diagnostics;
using Grpc.Core;
using NixFuseStore.Protocol.DataPlane;
using NixFuseStore.Server.Tests.Samples;
using Xunit;
using Outcome = NixFuseStore.Protocol.RegisterPathResult.Types.Outcome;

namespace NixFuseStore.Server.Tests.DataPlane;

public sealed class FullDiskTests : IDisposable
{
    private readonly string _mount = Directory.CreateTempSubdirectory("nixfuse-full-").FullName;
    private bool _mounted;

    public void Dispose()
    {
        if (_mounted)
        {
            Run("umount", _mount);
        }

        Directory.Delete(_mount);
    }

    [Fact]
    public async Task Upload_DiskFull_ClearErrorReadingGoesOnAndItHeals()
    {
        Assert.SkipUnless(Environment.UserName == "root", "mounting a small tmpfs takes root");
        _mounted = Run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", _mount) == 0;
        Assert.SkipUnless(_mounted, "tmpfs cannot be mounted here");
        await using var server = await TestServer.StartAsync(blobs: "file:" + Path.Combine(_mount, "packs"));
        var before = SamplePath.CreateRandom("before", 1, 300_000);
        await server.Data.UploadAsync(before.Chunks.Values);
        Assert.Equal(Outcome.Registered, (await server.RegisterAsync(before.ToMessage(inline: false))).Outcome);

        var ballast = Path.Combine(_mount, "ballast");
        await File.WriteAllBytesAsync(ballast, new byte[7 << 20], TestServer.Cancellation);
        var large = SamplePath.CreateRandom("large", 3, 1 << 20);
        var e = await Assert.ThrowsAsync<DataPlaneException>(() => server.Data.UploadAsync(large.Chunks.Values));
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
        Assert.Contains("full", e.Message, StringComparison.Ordinal);
        Assert.Equal(before.NarHash, before.HashOf(await server.Data.ReadAllAsync(before)));

        File.Delete(ballast);
        await server.Data.UploadAsync(large.Chunks.Values);
        Assert.Equal(Outcome.Registered, (await server.RegisterAsync(large.ToMessage(inline: false))).Outcome);
        Assert.Equal(large.NarHash, large.HashOf(await server.Data.ReadAllAsync(large)));
    }

    private static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
