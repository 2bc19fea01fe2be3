using System.Diagnostics;
using NixFuseStore.Client.Changes;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Tests.Reading;

/// <summary>A server that is away, slow, silent or restarting.</summary>
public sealed class AwayTests() : ReaderTest(3)
{
    /// <summary>Far beyond what anything here takes on a busy machine, and far below <see cref="LongDeadline"/>.</summary>
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan LongDeadline = TimeSpan.FromMinutes(2);

    private readonly string _directory = System.IO.Directory.CreateTempSubdirectory("nixfuse-meta-").FullName;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        System.IO.Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Read_CachedWhileServerIsAway_WorksAtOnce()
    {
        var content = Source.Content(500_000);
        var path = Source.Path("cached", SourceEntry.Directory(("f", SourceEntry.File(content))));
        await Server.PushAsync(path);
        using var connection = Server.Connect(Proxy.Address);
        await using var reader = await connection.OpenAsync(cache: new MemoryChunkCache(), options: new StoreReaderOptions { ChunkMemoryBytesMax = 0, ReadDeadline = LongDeadline, LookupDeadline = LongDeadline });
        await reader.ReadFileAsync(path, "f");
        Proxy.Refuse();
        await ReaderExtensions.EventuallyAsync(() => !reader.IsConnected, "the reader notices");

        // What waited for the server would wait for the deadline.
        Assert.Equal(content, await reader.ReadFileAsync(path, "f").WaitAsync(AtOnce, ReaderExtensions.Token));
    }

    [Fact]
    public async Task Find_UnknownWhileServerIsAway_FailsAndNeverSaysAbsent()
    {
        var path = Source.Path("unknown", SourceEntry.File("x"));
        await Server.PushAsync(path);
        using var connection = Server.Connect(Proxy.Address);
        var time = new SkippingTime();
        await using var reader = await connection.OpenAsync(new StoreReaderOptions { LookupDeadline = LongDeadline, TimeProvider = time });
        Proxy.Refuse();
        await ReaderExtensions.EventuallyAsync(() => !reader.IsConnected, "the reader notices");

        // A server that went away just now is waited for; one that has been away for longer is not, however long the deadline.
        var waiting = reader.FindAsync(path);
        time.Skip(ServerHealth.Grace * 1.3);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => reader.FindAsync(path).WaitAsync(AtOnce, ReaderExtensions.Token));
        Assert.False(waiting.IsCompleted);

        Proxy.Accept();
        await ReaderExtensions.EventuallyAsync(() => reader.IsConnected, "the reader comes back");
        await reader.FindAsync(path);
        await waiting;
    }

    [Fact]
    public async Task Find_SilentServer_FailsWithinTheDeadline()
    {
        var path = Source.Path("silent", SourceEntry.File("x"));
        await Server.PushAsync(path);
        using var connection = Server.Connect(Proxy.Address);
        await using var reader = await connection.OpenAsync();
        Proxy.Silent = true;

        // The deadline is a second; that of the request itself, and what ends a silent watch, are longer than this.
        var clock = Stopwatch.StartNew();
        await Assert.ThrowsAsync<StoreUnavailableException>(() => reader.FindAsync(path));

        Assert.InRange(clock.ElapsedMilliseconds, 900, 10_000);
        Proxy.Silent = false;
    }

    [Fact]
    public async Task Read_ServerRestarts_GoesOnAfterwards()
    {
        var content = Source.Bytes(3_000_000);
        var path = Source.Path("restart", SourceEntry.File(content));
        await Server.PushAsync(path);
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync();
        var handle = await reader.FindAsync(path);
        await reader.GetTreeAsync(handle, ReaderExtensions.Token);
        await Server.StopAsync();

        var read = reader.ReadAsync(handle, 0);
        await ReaderExtensions.EventuallyAsync(() => !reader.IsConnected && reader.Status.Failure is not null, "the reader notices");
        Assert.False(read.IsCompleted);
        await Server.StartAgainAsync();

        Assert.Equal(content, await read);
    }

    [Fact]
    public async Task Read_ConnectionsCutAgainAndAgain_EndsRight()
    {
        var content = Source.Bytes(4_000_000);
        var path = Source.Path("cut", SourceEntry.File(content));
        await Server.PushAsync(path);
        using var connection = Server.Connect(Proxy.Address);
        await using var reader = await connection.OpenAsync();
        var handle = await reader.FindAsync(path);
        await reader.GetTreeAsync(handle, ReaderExtensions.Token);
        Proxy.Delay = TimeSpan.FromMilliseconds(10);
        using var stop = new CancellationTokenSource();
        var cutting = CutAsync(stop.Token);

        Assert.Equal(content, await reader.ReadAsync(handle, 0));
        await stop.CancelAsync();
        await cutting;
    }

    private async Task CutAsync(CancellationToken stop)
    {
        for (var i = 0; i < 10 && !stop.IsCancellationRequested; i++)
        {
            await Task.Delay(30, TestContext.Current.CancellationToken);
            Proxy.CutAll();
        }
    }

    [Fact]
    public async Task Read_UncachedWhileServerIsAway_FailsWithinTheDeadline()
    {
        var path = Source.Path("gone", SourceEntry.File(Source.Bytes(10_000)));
        await Server.PushAsync(path);
        using var connection = Server.Connect(Proxy.Address);
        await using var reader = await connection.OpenAsync(new StoreReaderOptions { ReadDeadline = TimeSpan.FromSeconds(2) });
        var handle = await reader.FindAsync(path);
        await reader.GetTreeAsync(handle, ReaderExtensions.Token);
        Proxy.Refuse();

        var clock = Stopwatch.StartNew();
        await Assert.ThrowsAsync<StoreUnavailableException>(() => reader.ReadAsync(handle, 0));

        Assert.InRange(clock.ElapsedMilliseconds, 1800, 15_000);
    }

    /// <summary>The kernel asks again, up to twice, for a page that could not be read; the program waits for one deadline all the same.</summary>
    [Fact]
    public async Task Read_AskedForAgainInABlackHole_FailsSoon_AndNamesTheServer()
    {
        var path = Source.Path("hole", SourceEntry.File(Source.Bytes(10_000)));
        await Server.PushAsync(path);
        using var connection = Server.Connect(Proxy.Address);
        await using var reader = await connection.OpenAsync(new StoreReaderOptions { ReadDeadline = TimeSpan.FromSeconds(4) });
        var handle = await reader.FindAsync(path);
        await reader.GetTreeAsync(handle, ReaderExtensions.Token);
        Proxy.Silent = true;

        var first = await Assert.ThrowsAsync<StoreUnavailableException>(() => reader.ReadAsync(handle, 0));
        Assert.Contains("within 4 s", first.Message, StringComparison.Ordinal);
        Assert.Contains(Proxy.Address.Authority, first.Message, StringComparison.Ordinal);
        var clock = Stopwatch.StartNew();
        await Assert.ThrowsAsync<StoreUnavailableException>(() => reader.ReadAsync(handle, 0));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => reader.ReadAsync(handle, 0));
        Assert.InRange(clock.ElapsedMilliseconds, 500, 3500);

        Proxy.Silent = false;
        for (var i = 0; i < 20; i++)
        {
            try
            {
                Assert.Equal(10_000, (await reader.ReadAsync(handle, 0)).Length);
                return;
            }
            catch (StoreUnavailableException)
            {
                // The connection is made anew.
            }
        }

        Assert.Fail("the reader does not come back");
    }

    [Fact]
    public async Task Read_Cancelled_EndsAtOnce()
    {
        var path = Source.Path("slow", SourceEntry.File(Source.Bytes(10_000)));
        await Server.PushAsync(path);
        using var connection = Server.Connect(Proxy.Address);
        await using var reader = await connection.OpenAsync();
        var handle = await reader.FindAsync(path);
        await reader.GetTreeAsync(handle, ReaderExtensions.Token);
        Proxy.Silent = true;
        using var cancel = new CancellationTokenSource(200);

        // The deadline of a read is a minute.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await reader.ReadAsync(handle, 0, 0, 100, cancel.Token).AsTask().WaitAsync(AtOnce, ReaderExtensions.Token));

        Proxy.Silent = false;
        await reader.ReadAsync(handle, 0);
    }

    [Fact]
    public async Task Open_ServerAwayWithMetadataFromBefore_ListsAndReadsWhatIsCached()
    {
        var content = Source.Content(100_000);
        var low = Source.Path("low", SourceEntry.File("low"));
        var path = Source.Path("kept", SourceEntry.Directory(("f", SourceEntry.File(content)), ("l", SourceEntry.Link("f"))), low);
        var other = Source.Path("other", SourceEntry.File("never asked for"));
        await Server.PushAsync(low, path, other);
        var cache = new MemoryChunkCache();
        var options = new StoreReaderOptions { MetadataDirectory = _directory };
        using (var connection = Server.Connect(Proxy.Address))
        {
            await using var reader = await connection.OpenAsync(options, cache);
            await reader.ReadFileAsync(path, "f");
            await ReaderExtensions.EventuallyAsync(() => reader.Status.KnownPaths == 2, "the closure arrives");
        }

        Proxy.Refuse();
        using (var connection = Server.Connect(Proxy.Address))
        {
            await using var reader = await connection.OpenAsync(options, cache);
            Assert.False(reader.IsConnected);
            Assert.Equal(content, await reader.ReadFileAsync(path, "f"));
            await reader.FindAsync(low);
            await Assert.ThrowsAsync<StoreUnavailableException>(() => reader.FindAsync(other));
            var page = await reader.ListAsync("", 100, ReaderExtensions.Token);
            Assert.Equal(new[] { low, path }.Select(p => p.Path.BaseName).Order(StringComparer.Ordinal), page.Entries.Select(e => e.BaseName));

            // The listing was ours alone, so whoever kept it is told once the server is back.
            await using var changes = reader.WatchChangesAsync(ReaderExtensions.Token).GetAsyncEnumerator(TestContext.Current.CancellationToken);
            Proxy.Accept();
            Assert.True(await changes.MoveNextAsync());
            Assert.Equal(StoreChangeKind.Resync, changes.Current.Kind);
            await reader.FindAsync(other);
        }
    }

    [Fact]
    public async Task CallAnswered_AfterALongAbsence_TheNextReadIsAnsweredToo()
    {
        var path = Source.Path("path", SourceEntry.File("content"));
        await Server.PushAsync(path);
        using var connection = Server.Connect(Proxy.Address);
        await using var reader = await connection.OpenAsync(new StoreReaderOptions { LookupDeadline = LongDeadline });
        Proxy.Refuse();
        await ReaderExtensions.EventuallyAsync(() => reader.AwayFor > ServerHealth.Grace, "the server counts as away");
        await Assert.ThrowsAsync<StoreUnavailableException>(() => reader.FindAsync(path));

        Proxy.Accept();
        await connection.CallAsync(
            (endpoint, token) => endpoint.Store.GetStoreAsync(new GetStoreRequest { Store = connection.StoreName }, TimeSpan.FromSeconds(60), token),
            ReaderExtensions.Token);

        Assert.NotNull(await reader.FindAsync(path));
    }

    [Fact]
    public async Task Read_CacheHadToDropTheChunks_OffersThemAgainFromMemory()
    {
        var content = Source.Content(300_000);
        var path = Source.Path("hot", SourceEntry.File(content));
        await Server.PushAsync(path);
        var cache = new MemoryChunkCache { IsBypassed = true };
        using var connection = Server.Connect(Proxy.Address);
        await using var reader = await connection.OpenAsync(null, cache);
        var handle = await reader.FindAsync(path);
        Assert.Equal(content, await reader.ReadAsync(handle, 0));
        Assert.Empty(cache.Chunks);

        cache.IsBypassed = false;
        Proxy.Refuse();

        Assert.Equal(content, await reader.ReadAsync(handle, 0));
        Assert.Equal(content.Length, cache.Chunks.Values.Sum(chunk => chunk.Length));
    }

    [Fact]
    public async Task Find_RevokedWhileTheClientWasOff_IsNotServedFromBefore()
    {
        var path = Source.Path("revoked", SourceEntry.File("x"));
        await Server.PushAsync(path);
        var options = new StoreReaderOptions { MetadataDirectory = _directory };
        using var connection = Server.Connect(Proxy.Address);
        await using (var reader = await connection.OpenAsync(options))
        {
            await reader.FindAsync(path);
        }

        await Server.RevokeAsync(path);
        await using (var reader = await connection.OpenAsync(options))
        {
            Assert.Null(await reader.FindAsync(path.Path, ReaderExtensions.Token));
            Assert.False(reader.TryGetKnown(System.Text.Encoding.ASCII.GetBytes(path.Path.BaseName), out _));
            Assert.Null(await reader.FindAsync(path.Path, ReaderExtensions.Token));
        }

        // Nor afterwards, when nobody can be asked.
        Proxy.Refuse();
        await using var alone = await connection.OpenAsync(options);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => alone.FindAsync(path));
    }

    [Fact]
    public async Task Open_ServerAwayAndNothingKnown_FailsClearly()
    {
        Proxy.Refuse();
        using var connection = Server.Connect(Proxy.Address);

        var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => connection.OpenAsync(new StoreReaderOptions { MetadataDirectory = _directory }));

        Assert.Contains("is not available", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_SecondServer_IsTriedWhereTheFirstIsAway()
    {
        var path = Source.Path("second", SourceEntry.File("x"));
        await Server.PushAsync(path);
        using var connection = new ServerConnection(new ServerConnectionOptions { Servers = [new Uri("http://127.0.0.1:1"), Server.Address] });

        // The first contact is with the first one only when it is there.
        await using var reader = await connection.OpenAsync();
        await reader.FindAsync(path);
    }

    /// <summary>The system's clock, with jumps; timers run as always.</summary>
    private sealed class SkippingTime : TimeProvider
    {
        private long _skipped;

        public void Skip(TimeSpan time) => Interlocked.Add(ref _skipped, (long)(time.TotalSeconds * TimestampFrequency));

        public override long GetTimestamp() => base.GetTimestamp() + Volatile.Read(ref _skipped);
    }
}
