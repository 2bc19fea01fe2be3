using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Prefetch;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Client.Trees;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Tests.Reading;

/// <summary>What one host read is fetched together by the next.</summary>
public sealed class UseTests() : ReaderTest(11)
{
    [Fact]
    public async Task Read_FirstFileOfARoot_BringsWhatAnotherHostReadOfTheClosure()
    {
        var library = Source.Path("library", SourceEntry.File(Source.Bytes(3_000_000)));
        var program = Source.Path("program", SourceEntry.File(Source.Bytes(500)), library);
        await Server.PushAsync(library, program);

        // 1. One host reads two places of the library.
        await using (var first = await ConnectAsync())
        {
            await first.ReadFileAsync(program, "");
            var used = await first.FindAsync(library);
            await first.ReadAsync(used, 0, 1_000_000, 1_000);
            await first.ReadAsync(used, 0, 2_500_000, 1_000);
        }

        // 2. Another one reads the program only, and has them.
        await using var second = await ConnectAsync();
        await second.ReadFileAsync(program, "");
        var handle = await second.FindAsync(library);
        await second.GetTreeAsync(handle, ReaderExtensions.Token);
        await ReaderExtensions.EventuallyAsync(() => Has(second, handle, 1_000_000) && Has(second, handle, 2_500_000), "both places arrive by themselves");
        Assert.False(Has(second, handle, 100_000));
        Assert.InRange(second.Status.ReceivedPlainBytes, 1, 700_000);
    }

    [Fact]
    public async Task Read_WholeBigPath_IsNotToldOf()
    {
        var path = Source.Path("copied", SourceEntry.File(Source.Bytes((int)AccessProfileRecorder.ScanBytesMin + 1_000)));
        await Server.PushAsync(path);
        await using (var reader = await ConnectAsync())
        {
            await reader.ReadFileAsync(path, "");
        }

        Assert.Empty(await UsedAsync(path));
    }

    [Fact]
    public async Task Read_OfALongLivedMount_IsToldOnceNobodyReadsOn()
    {
        var path = Source.Path("told", SourceEntry.File(Source.Bytes(300_000)));
        await Server.PushAsync(path);
        await using var reader = await ConnectAsync();
        await reader.ReadFileAsync(path, "");

        for (var i = 0; i < 300 && (await UsedAsync(path)).Count == 0; i++)
        {
            await Task.Delay(100, ReaderExtensions.Token);
        }

        Assert.NotEmpty(await UsedAsync(path));
    }

    [Fact]
    public async Task Read_HintsThatMakeNoSense_HarmNobody()
    {
        var path = Source.Path("hinted", SourceEntry.File(Source.Bytes(300_000)));
        await Server.PushAsync(path);
        await using var reader = await ConnectAsync();
        var handle = await reader.FindAsync(path);
        reader.Profiles.Learn(Key256.OfHashPart(handle.Path.BaseName), [7]);
        Assert.Equal(300_000, (await reader.ReadAsync(handle, 0)).Length);

        var other = Source.Path("other", SourceEntry.File(Source.Bytes(300_000)));
        await Server.PushAsync(other);
        handle = await reader.FindAsync(other);
        reader.Profiles.Learn(Key256.OfHashPart(handle.Path.BaseName), [0, 0, uint.MaxValue, uint.MaxValue, 3, uint.MaxValue, 2, 1]);
        Assert.Equal(300_000, (await reader.ReadAsync(handle, 0)).Length);
    }

    [Fact]
    public async Task Dispose_WithTheServerAway_IsNotHeldUp()
    {
        var path = Source.Path("away", SourceEntry.File(Source.Bytes(10_000)));
        await Server.PushAsync(path);
        var reader = await ConnectAsync();
        await reader.ReadFileAsync(path, "");
        await Server.StopAsync();

        await reader.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30), ReaderExtensions.Token);
    }

    private static bool Has(StoreReader reader, PathHandle handle, ulong offset)
    {
        if (!reader.TryRead(handle, 0, offset, 1_000, out var lease))
        {
            return false;
        }

        lease.Dispose();
        return true;
    }

    private async Task<IReadOnlyList<uint>> UsedAsync(SourcePath path)
    {
        using var connection = Server.Connect();
        var request = new GetClosureRequest { Store = "main", HashParts = { path.Path.HashPart }, WithUsedChunks = true };
        await foreach (var response in connection.Current.Store.GetClosureAsync(request, null, ReaderExtensions.Token))
        {
            return response.Items.Single().UsedChunks;
        }

        return [];
    }
}
