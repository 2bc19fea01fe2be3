using NixFuseStore.Daemon.Logging;
using NixFuseStore.Daemon.Tests.Clients;
using NixFuseStore.Daemon.Tests.Stores;
using static NixFuseStore.Daemon.Tests.Stores.SampleStore;

namespace NixFuseStore.Daemon.Tests.Operations;

public sealed class TransferTests
{
    private readonly MemoryDaemonStore _store = Create();

    [Theory]
    [InlineData(18)]
    [InlineData(38)]
    public async Task NarFromPath_SendsTheNarBehindTheLog(int minor)
    {
        var reply = await TestDaemon.ConverseAsync(_store, minor, bytes => bytes.Number(38).Path(Hello).Number(38).Path(Missing).Number(13));
        await reply.ExpectLastAsync();
        byte[] nar = _store.GetNar(Hello);
        byte[] sent = new byte[nar.Length];
        for (int filled = 0; filled < sent.Length;)
        {
            filled += await reply.ReadRawAsync(sent.AsMemory(filled));
        }

        Assert.Equal(nar, sent);
        Assert.Contains("is not valid", await reply.ExpectErrorAsync(minor), StringComparison.Ordinal);
        await reply.ExpectLastAsync();
    }

    [Fact]
    public async Task ExportPath_SendsTheExportFormatOfNix()
    {
        var reply = await TestDaemon.ConverseAsync(_store, 20, bytes => bytes.Number(16).Path(Referrer).Number(0));
        var exported = new WireBytes().Number(1);
        ulong message;
        while ((message = await reply.ReadNumberAsync()) == (ulong)LogMessage.Write)
        {
            exported.Raw((await reply.ReadBytesAsync(1 << 20)).Span);
        }

        Assert.Equal((ulong)LogMessage.Last, message);
        Assert.Equal(1UL, await reply.ReadNumberAsync());
        Assert.Equal(Recording.Load("export.txt").FromServer, exported.Number(0).ToArray());
    }

    [Fact]
    public async Task ImportPaths_TakesTheExportFormatOfNix()
    {
        var store = new MemoryDaemonStore();
        store.Add(_store.Get(Text), _store.GetNar(Text));
        byte[] stream = Recording.Load("export.txt").FromServer;
        var reply = await TestDaemon.ConverseAsync(store, 20, bytes =>
        {
            bytes.Number(27);
            foreach (byte[] piece in stream.Chunk(101))
            {
                bytes.Bytes(piece);
            }
        });
        for (int asked = 0; asked < stream.Length; asked += 101)
        {
            Assert.Equal(LogMessage.Read, (LogMessage)await reply.ReadNumberAsync());
            await reply.ReadNumberAsync();
        }

        await reply.ExpectLastAsync();
        Assert.Equal([Referrer], await reply.ReadPathsAsync());
        Assert.Equal([Text], store.Get(Referrer).References);
        Assert.Equal(_store.GetNar(Referrer), store.GetNar(Referrer));
        Assert.Equal(0, store.OpenImports);
    }

    [Fact]
    public async Task ImportPaths_OfUntrustedClient_NeedsSignatures()
    {
        byte[] stream = Recording.Load("export.txt").FromServer;
        var store = new MemoryDaemonStore();
        var reply = await TestDaemon.ConverseAsync(store, 20, bytes => bytes.Number(27).Bytes(stream), TestDaemon.Distrusting);
        Assert.Equal(LogMessage.Read, (LogMessage)await reply.ReadNumberAsync());
        await reply.ReadNumberAsync();
        Assert.Contains("lacks a signature", await reply.ExpectErrorAsync(20), StringComparison.Ordinal);
        Assert.Empty(store.Paths);
        Assert.Equal(0, store.OpenImports);
    }
}
