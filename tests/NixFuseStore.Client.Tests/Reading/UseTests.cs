using NixFuseStore.Client.Reading;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Tests.Reading;

/// <summary>What one host read is fetched together by the next.</summary>
public sealed class UseTests : IAsyncLifetime
{
    private readonly SourceStore _source = new(11);
    private readonly List<ServerConnection> _connections = [];
    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        _connections.ForEach(connection => connection.Dispose());
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Read_FirstFileOfARoot_BringsWhatAnotherHostReadOfTheClosure()
    {
        var library = _source.Path("library", SourceEntry.File(_source.Bytes(3_000_000)));
        var program = _source.Path("program", SourceEntry.File(_source.Bytes(500)), library);
        await _server.PushAsync(library, program);

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
        var path = _source.Path("copied", SourceEntry.File(_source.Bytes((int)UseRecorder.ScanBytesMin + 1_000)));
        await _server.PushAsync(path);
        await using (var reader = await ConnectAsync())
        {
            await reader.ReadFileAsync(path, "");
        }

        Assert.Empty(await UsedAsync(path));
    }

    [Fact]
    public async Task Read_OfALongLivedMount_IsToldOnceNobodyReadsOn()
    {
        var path = _source.Path("told", SourceEntry.File(_source.Bytes(300_000)));
        await _server.PushAsync(path);
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
        var path = _source.Path("hinted", SourceEntry.File(_source.Bytes(300_000)));
        await _server.PushAsync(path);
        await using var reader = await ConnectAsync();
        var handle = await reader.FindAsync(path);
        reader.Used.Learn(Key256.OfHashPart(handle.Path.BaseName), [7]);
        Assert.Equal(300_000, (await reader.ReadAsync(handle, 0)).Length);

        var other = _source.Path("other", SourceEntry.File(_source.Bytes(300_000)));
        await _server.PushAsync(other);
        handle = await reader.FindAsync(other);
        reader.Used.Learn(Key256.OfHashPart(handle.Path.BaseName), [0, 0, uint.MaxValue, uint.MaxValue, 3, uint.MaxValue, 2, 1]);
        Assert.Equal(300_000, (await reader.ReadAsync(handle, 0)).Length);
    }

    [Fact]
    public async Task Dispose_WithTheServerAway_IsNotHeldUp()
    {
        var path = _source.Path("away", SourceEntry.File(_source.Bytes(10_000)));
        await _server.PushAsync(path);
        var reader = await ConnectAsync();
        await reader.ReadFileAsync(path, "");
        await _server.StopAsync();

        await reader.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(10), ReaderExtensions.Token);
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

    private Task<StoreReader> ConnectAsync()
    {
        var connection = _server.Connect();
        _connections.Add(connection);
        return connection.OpenAsync();
    }

    private async Task<IReadOnlyList<uint>> UsedAsync(SourcePath path)
    {
        using var connection = _server.Connect();
        var request = new GetClosureRequest { Store = "main", HashParts = { path.Path.HashPart }, WithUsedChunks = true };
        await foreach (var response in connection.Current.Store.GetClosureAsync(request, null, ReaderExtensions.Token))
        {
            return response.Items.Single().UsedChunks;
        }

        return [];
    }
}
