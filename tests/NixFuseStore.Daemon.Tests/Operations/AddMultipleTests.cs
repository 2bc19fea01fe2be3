using NixFuseStore.Daemon.Tests.Clients;
using NixFuseStore.Daemon.Tests.Stores;
using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix;
using static NixFuseStore.Daemon.Tests.Stores.SampleStore;

namespace NixFuseStore.Daemon.Tests.Operations;

public sealed class AddMultipleTests
{
    private readonly MemoryDaemonStore _store = new();

    [Fact]
    public async Task AddMultipleToStore_RegistersEach_ReferencedOnesFirst()
    {
        var items = Samples();
        var reply = await SendManyAsync(38, items);
        await reply.ExpectLastAsync();
        await reply.ExpectEndAsync();
        Assert.Equal([.. items.Select(item => item.Info.Path).Order()], _store.Paths);
        Assert.Equal(0, _store.OpenImports);
    }

    [Fact]
    public async Task AddMultipleToStore_OfNothing_Succeeds()
    {
        var reply = await SendManyAsync(32, []);
        await reply.ExpectLastAsync();
        await reply.ExpectEndAsync();
    }

    [Fact]
    public async Task AddMultipleToStore_ReadsOnWhileRegistrationsAreUnderWay()
    {
        int underWay = 0;
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var items = Samples();
        _store.Registering = (_, _) =>
        {
            if (Interlocked.Increment(ref underWay) == items.Count)
            {
                all.SetResult();
            }

            return all.Task;
        };
        var reply = await SendManyAsync(38, items);
        await reply.ExpectLastAsync();
        Assert.Equal(items.Count, underWay);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(5)]
    public async Task AddMultipleToStore_WithAFailure_TellsItOnceAndStaysUsable(int failing)
    {
        var items = Samples();
        _store.Registering = (info, _) => info.Path == items[failing].Info.Path ? throw new DaemonStoreException("the server is away") : Task.CompletedTask;
        var reply = await SendManyAsync(38, items, bytes => bytes.Number(1).Path(Missing));
        Assert.Contains("the server is away", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
        await reply.ExpectLastAsync();
        Assert.False(await reply.ReadBoolAsync());
        await reply.ExpectEndAsync();
        Assert.Equal(0, _store.OpenImports);
    }

    private static List<(PathInfo Info, byte[] Nar)> Samples()
    {
        var samples = Create();
        return [.. ((StorePath[])[Hello, Text, Referrer, Derivation1, FixedDerivation, Derivation2, Output1, FixedOutput])
            .Select(path => (samples.Get(path), samples.GetNar(path)))];
    }

    private Task<WireReader> SendManyAsync(int minor, List<(PathInfo Info, byte[] Nar)> items, Action<WireBytes>? then = null) =>
        TestDaemon.ConverseAsync(_store, minor, bytes =>
        {
            var content = new WireBytes().Number((ulong)items.Count);
            foreach (var (info, nar) in items)
            {
                content.Info(info).Raw(nar);
            }

            bytes.Number(44).Number(0).Number(1).Framed(content.ToArray(), frameBytes: 100);
            then?.Invoke(bytes);
        });
}
