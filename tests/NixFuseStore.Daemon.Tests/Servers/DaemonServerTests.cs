using System.Net.Sockets;
using NixFuseStore.Daemon.Tests.Clients;
using NixFuseStore.Daemon.Tests.Stores;
using NixFuseStore.Nix;
using static NixFuseStore.Daemon.Tests.Stores.SampleStore;

namespace NixFuseStore.Daemon.Tests.Servers;

/// <summary>Many clients, slow ones, and such as vanish, over real sockets.</summary>
public sealed class DaemonServerTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    // Limits short enough for a test, and long enough for a slow machine where they must not strike.
    private static readonly DaemonOptions Impatient = TestDaemon.Trusting with { WatchInterval = TimeSpan.FromMilliseconds(20) };

    private readonly MemoryDaemonStore _store = Create();
    private int _questions;

    [Fact]
    public async Task ThreeHundredIdleConnections_HoldUpNoOther()
    {
        await using var daemon = new SocketDaemon(_store, Impatient);
        var idle = new List<SocketClient>();
        for (int i = 0; i < 300; i++)
        {
            idle.Add(await SocketClient.ConnectAsync(daemon));
        }

        Assert.Equal(300, daemon.Server.ConnectionCount);
        using (var busy = await SocketClient.ConnectAsync(daemon))
        {
            await busy.ExpectValidAsync(Hello);
        }

        foreach (var client in idle)
        {
            await client.ExpectValidAsync(Hello);
            client.Dispose();
        }

        await WaitAsync(() => daemon.Server.ConnectionCount == 0);
    }

    [Fact]
    public async Task ClientThatStopsReading_IsDropped_AndHoldsUpNobody()
    {
        for (int i = 0; i < 20_000; i++)
        {
            var path = StorePath.ParseBaseName($"{i:D32}-some-path-with-a-name-of-ordinary-length");
            _store.Add(Describe(Text, [], null) with { Path = path }, []);
        }

        await using var daemon = new SocketDaemon(_store, Impatient with { WriteTimeout = TimeSpan.FromMilliseconds(500) });
        using var slow = await SocketClient.ConnectAsync(daemon);
        await slow.SendAsync(new WireBytes().Number(23));
        using var other = await SocketClient.ConnectAsync(daemon);
        await other.ExpectValidAsync(Hello);
        await WaitAsync(() => daemon.Server.ConnectionCount == 1);
        await other.ExpectValidAsync(Hello);
    }

    [Fact]
    public async Task TemporaryRoots_EndWithTheirConnection()
    {
        await using var daemon = new SocketDaemon(_store, Impatient);
        using var staying = await SocketClient.ConnectAsync(daemon);
        await KeepAsync(staying, Hello);
        using (var leaving = await SocketClient.ConnectAsync(daemon))
        {
            await KeepAsync(leaving, Hello);
            await KeepAsync(leaving, Text);
        }

        await WaitAsync(() => daemon.Server.ConnectionCount == 1);
        Assert.Equal([false, true], _store.TemporaryRoots.Select(roots => roots.IsReleased));
        Assert.Equal(["Hello", "Hello Text"], _store.TemporaryRoots.Select(roots => string.Join(' ', roots.Paths.Select(path => path == Hello ? "Hello" : "Text"))));

        static async Task KeepAsync(SocketClient client, StorePath path)
        {
            await client.SendAsync(new WireBytes().Number(11).Path(path));
            await client.Reader.ExpectLastAsync();
            Assert.Equal(1UL, await client.Reader.ReadNumberAsync());
        }
    }

    [Fact]
    public async Task ClientThatVanishesWithinFramedData_LeavesNothing()
    {
        await using var daemon = new SocketDaemon(_store, Impatient);
        using (var client = await SocketClient.ConnectAsync(daemon))
        {
            await client.SendAsync(new WireBytes().Number(7).Text("x").Text("fixed:r:sha256").Number(0).Number(0).Frame(NarFile.Of("x").AsSpan(0, 60)));
            await WaitAsync(() => _store.OpenImports == 1);
        }

        await WaitAsync(() => daemon.Server.ConnectionCount == 0);
        Assert.Equal(0, _store.OpenImports);
    }

    [Fact]
    public async Task ClientThatVanishesDuringAnOperation_CancelsIt()
    {
        await using var daemon = new SocketDaemon(_store, Impatient);
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _store.Asked = async token =>
        {
            token.Register(() => cancelled.TrySetResult());
            asked.TrySetResult();
            await Task.Delay(Timeout.Infinite, token);
        };
        using (var client = await SocketClient.ConnectAsync(daemon))
        {
            await client.SendAsync(new WireBytes().Number(26).Path(Hello));
            await asked.Task.WaitAsync(Deadline, TestContext.Current.CancellationToken);
        }

        await cancelled.Task.WaitAsync(Deadline, TestContext.Current.CancellationToken);
        await WaitAsync(() => daemon.Server.ConnectionCount == 0);
    }

    [Fact]
    public async Task FailedQuestion_IsToldAndTheConnectionStays()
    {
        await using var daemon = new SocketDaemon(_store, Impatient);
        using var client = await SocketClient.ConnectAsync(daemon);
        _store.Asked = _ => throw new DaemonStoreException("the server cannot be reached");
        await client.SendAsync(new WireBytes().Number(1).Path(Hello));
        Assert.Equal("the server cannot be reached", await client.Reader.ExpectErrorAsync());
        _store.Asked = null;
        await client.ExpectValidAsync(Hello);
    }

    [Fact]
    public async Task ClientThatSaysNothing_IsDropped_WithinRequestsOnly()
    {
        await using var daemon = new SocketDaemon(_store, Impatient with { RequestTimeout = TimeSpan.FromMilliseconds(300) });
        using var idle = await SocketClient.ConnectAsync(daemon);
        using var stuck = await SocketClient.ConnectAsync(daemon);
        await stuck.SendAsync(new WireBytes().Number(26).Number(50));
        await WaitAsync(() => daemon.Server.ConnectionCount == 1);
        await idle.ExpectValidAsync(Hello);
    }

    [Fact]
    public async Task ClientThatNeverGreets_IsDropped()
    {
        await using var daemon = new SocketDaemon(_store, Impatient with { HandshakeTimeout = TimeSpan.FromMilliseconds(300) });
        using var silent = await daemon.ConnectAsync();
        Assert.Equal(0, await silent.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task OneConnectionTooMany_WhileAllAreBusy_IsToldSo()
    {
        await using var daemon = new SocketDaemon(_store, Impatient with { ConnectionsMax = 2 });
        _store.Asked = token => Task.Delay(Timeout.Infinite, token);
        using var first = await SocketClient.ConnectAsync(daemon);
        await AskAsync(first);
        using (var second = await SocketClient.ConnectAsync(daemon))
        {
            await AskAsync(second);
            using var refused = await daemon.ConnectAsync();
            using var reader = await SocketClient.GreetAsync(refused, expectLast: false);
            Assert.Contains("serves 2 connections already", await reader.ExpectErrorAsync(), StringComparison.Ordinal);
        }

        await WaitAsync(() => daemon.Server.ConnectionCount == 1);
        _store.Asked = null;
        using var third = await SocketClient.ConnectAsync(daemon);
        await third.ExpectValidAsync(Hello);

        async Task AskAsync(SocketClient client)
        {
            var before = Volatile.Read(ref _questions);
            _store.Asked = token =>
            {
                Interlocked.Increment(ref _questions);
                return Task.Delay(Timeout.Infinite, token);
            };
            await client.SendAsync(new WireBytes().Number(26).Path(Hello));
            await WaitAsync(() => Volatile.Read(ref _questions) > before);
        }
    }

    [Fact]
    public async Task OneConnectionTooMany_CostsTheLongestIdleOneItsPlace()
    {
        await using var daemon = new SocketDaemon(_store, Impatient with { ConnectionsMax = 3 });
        using var longest = await SocketClient.ConnectAsync(daemon);
        using var shorter = await SocketClient.ConnectAsync(daemon);
        using var shortest = await SocketClient.ConnectAsync(daemon);
        await shorter.ExpectValidAsync(Hello);
        await shortest.ExpectValidAsync(Hello);

        using var further = await SocketClient.ConnectAsync(daemon);

        await further.ExpectValidAsync(Hello);
        Assert.False(await longest.Reader.HasMoreAsync());
        await shorter.ExpectValidAsync(Hello);
        await shortest.ExpectValidAsync(Hello);
    }

    [Fact]
    public async Task ClientsThatNeverGreet_LoseTheirPlacesToThoseThatDo()
    {
        await using var daemon = new SocketDaemon(_store, Impatient with { ConnectionsMax = 4 });
        var silent = new List<Socket>();
        for (int i = 0; i < 50; i++)
        {
            silent.Add(await daemon.ConnectAsync());
        }

        using var client = await SocketClient.ConnectAsync(daemon);
        await client.ExpectValidAsync(Hello);
        Assert.InRange(daemon.Server.ConnectionCount, 1, 4 + 64);
        silent.ForEach(static socket => socket.Dispose());
    }

    [Fact]
    public async Task Dispose_WithClientsBusy_HangsUpOnThem()
    {
        var daemon = new SocketDaemon(_store, Impatient);
        using var idle = await SocketClient.ConnectAsync(daemon);
        using var busy = await SocketClient.ConnectAsync(daemon);
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _store.Asked = async token =>
        {
            asked.SetResult();
            await Task.Delay(Timeout.Infinite, token);
        };
        await busy.SendAsync(new WireBytes().Number(26).Path(Hello));
        await asked.Task.WaitAsync(Deadline, TestContext.Current.CancellationToken);
        await daemon.DisposeAsync().AsTask().WaitAsync(Deadline, TestContext.Current.CancellationToken);
        Assert.False(await idle.Reader.HasMoreAsync());
        Assert.False(await busy.Reader.HasMoreAsync());
    }

    [Fact]
    public async Task Peer_IsKnownByItsProcess()
    {
        DaemonPeer? peer = null;
        await using var daemon = new SocketDaemon(_store, Impatient with
        {
            Trusts = asking =>
            {
                peer = asking;
                return true;
            },
        });
        using var client = await SocketClient.ConnectAsync(daemon);
        Assert.Equal(Environment.ProcessId, peer!.ProcessId);
        Assert.True(peer.SharesNamespaces);
        Assert.Null(peer.ForeignMounts);
        Assert.NotEqual(0UL, peer.StartTicks);
    }

    private static async Task WaitAsync(Func<bool> condition)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Deadline);
        while (!condition())
        {
            await Task.Delay(5, deadline.Token);
        }
    }
}
