using NixFuseStore.Daemon.Logging;
using NixFuseStore.Daemon.Tests.Clients;
using NixFuseStore.Daemon.Tests.Stores;
using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix;
using static NixFuseStore.Daemon.Tests.Stores.SampleStore;

namespace NixFuseStore.Daemon.Tests.Operations;

public sealed class AddNarTests
{
    private static readonly byte[] Nar = NarFile.Of("hi\n");
    private static readonly PathInfo Unsigned = Describe(Output1, "hi\n"u8.ToArray(), null);

    private readonly MemoryDaemonStore _store = new();

    [Theory]
    [InlineData(18)]
    [InlineData(20)]
    [InlineData(21)]
    [InlineData(22)]
    [InlineData(23)]
    [InlineData(34)]
    [InlineData(38)]
    public async Task AddToStoreNar_InEachEncoding_RegistersWhatItSays(int minor)
    {
        var info = Unsigned with { Ultimate = true, Deriver = Derivation1 };
        var reply = await TestDaemon.ConverseAsync(_store, minor, bytes =>
        {
            SendNar(bytes, minor, info, Nar, dontCheckSignatures: true);
            bytes.Number(1).Path(Output1);
        });
        await ExpectPullsAsync(reply, minor, Nar.Length);
        await reply.ExpectLastAsync();
        await reply.ExpectLastAsync();
        Assert.True(await reply.ReadBoolAsync());
        await reply.ExpectEndAsync();
        var registered = _store.Get(Output1);
        Assert.Equal(Derivation1, registered.Deriver);
        Assert.True(registered.Ultimate);
        Assert.Equal(Nar, _store.GetNar(Output1));
        Assert.Equal(0, _store.OpenImports);
    }

    [Theory]
    [InlineData("hash")]
    [InlineData("size")]
    public async Task NarThatIsNotWhatIsClaimed_IsRefused(string what)
    {
        var info = what == "hash" ? Unsigned with { NarHash = NixHash.Sha256([]) } : Unsigned with { NarSize = 119 };
        var reply = await TestDaemon.ConverseAsync(_store, 38, bytes =>
        {
            SendNar(bytes, 38, info, Nar, dontCheckSignatures: true);
            bytes.Number(13);
        });
        Assert.Contains($"{what} mismatch importing path", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
        await reply.ExpectLastAsync();
        Assert.Empty(_store.Paths);
        Assert.Equal(0, _store.OpenImports);
    }

    [Fact]
    public async Task UntrustedClient_NeedsASignature_AndCannotClaimToHaveBuilt()
    {
        var options = TestDaemon.Distrusting with { TrustedKeys = [Key.PublicKey] };
        var signed = Unsigned.WithSignature(StoreDirectory.Default, Key) with { Ultimate = true };
        var reply = await TestDaemon.ConverseAsync(
            _store,
            38,
            bytes =>
            {
                SendNar(bytes, 38, Unsigned, Nar, dontCheckSignatures: true);
                SendNar(bytes, 38, signed, Nar, dontCheckSignatures: true);
                SendNar(bytes, 38, Unsigned, Nar, dontCheckSignatures: true); // valid now
            },
            options);
        Assert.Contains("lacks a signature by a trusted key", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
        await reply.ExpectLastAsync();
        await reply.ExpectLastAsync();
        Assert.False(_store.Get(Output1).Ultimate);
    }

    [Fact]
    public async Task DataThatEndBeforeTheNar_EndTheConnection_WithoutASecondErrorOrAReply()
    {
        var reply = await TestDaemon.ConverseAsync(_store, 38, bytes =>
        {
            SendNar(bytes, 38, Unsigned, Nar[..40], dontCheckSignatures: true);
            bytes.Number(1).Path(Output1);
        });
        await reply.ExpectLastAsync();
        await reply.ExpectEndAsync();
        Assert.Empty(_store.Paths);
        Assert.Equal(0, _store.OpenImports);
    }

    [Fact]
    public async Task DamagedPath_IsTakenAgain_ThoughUnsigned()
    {
        var options = TestDaemon.Distrusting with { TrustedKeys = [Key.PublicKey] };
        _store.Add(Unsigned, Nar);
        _store.Damaged[Output1] = true;
        byte[] other = NarFile.Of("other");
        var reply = await TestDaemon.ConverseAsync(
            _store,
            38,
            bytes =>
            {
                SendNar(bytes, 38, Describe(Output1, "other"u8.ToArray(), null), other, dontCheckSignatures: true);
                bytes.Number(1).Path(Output1);
                SendNar(bytes, 38, Unsigned, Nar, dontCheckSignatures: true);
                bytes.Number(1).Path(Output1);
            },
            options);
        await reply.ExpectLastAsync();
        await reply.ExpectLastAsync();
        Assert.False(await reply.ReadBoolAsync());
        await reply.ExpectLastAsync();
        await reply.ExpectLastAsync();
        Assert.True(await reply.ReadBoolAsync());
        Assert.Equal(Nar, _store.GetNar(Output1));
    }

    [Fact]
    public async Task OtherContentRegisteredMeanwhile_StaysAndIsTold()
    {
        byte[] other = NarFile.Of("other");
        _store.Registering = (info, _) =>
        {
            _store.Add(info with { NarHash = NixHash.Sha256(other) }, other);
            return Task.CompletedTask;
        };
        var reply = await TestDaemon.ConverseAsync(_store, 38, bytes => SendNar(bytes, 38, Unsigned, Nar, dontCheckSignatures: true));
        Assert.Contains("is registered already", await reply.ExpectLineAsync(), StringComparison.Ordinal);
        await reply.ExpectLastAsync();
        Assert.Equal(other, _store.GetNar(Output1));
    }

    [Fact]
    public async Task BuildLog_IsKept_ForTrustedClientsOnly()
    {
        Action<WireBytes> request = bytes => bytes.Number(45).Text(Derivation1.BaseName).Framed("line 1\nline 2\n"u8, 3).Number(13);
        var refused = await TestDaemon.ConverseAsync(_store, 38, request, TestDaemon.Distrusting);
        await refused.ExpectErrorAsync();
        await refused.ExpectLastAsync();
        var reply = await TestDaemon.ConverseAsync(_store, 38, request);
        await reply.ExpectLastAsync();
        Assert.Equal(1UL, await reply.ReadNumberAsync());
        Assert.Equal("line 1\nline 2\n"u8, _store.Logs[Derivation1]);
    }

    internal static void SendNar(WireBytes bytes, int minor, PathInfo info, byte[] nar, bool dontCheckSignatures)
    {
        bytes.Number(39).Info(info).Number(0).Number(dontCheckSignatures ? 1UL : 0);
        if (minor >= 23)
        {
            bytes.Framed(nar, frameBytes: 33);
        }
        else if (minor >= 21)
        {
            // As small as a byte in real conversations.
            foreach (byte[] piece in nar.Chunk(11))
            {
                bytes.Bytes(piece);
            }
        }
        else
        {
            bytes.Raw(nar);
        }
    }

    private static async Task ExpectPullsAsync(WireReader reply, int minor, int length)
    {
        for (int pulled = 0; minor is 21 or 22 && pulled < length; pulled += 11)
        {
            Assert.Equal(LogMessage.Read, (LogMessage)await reply.ReadNumberAsync());
            Assert.InRange(await reply.ReadNumberAsync(), 1UL, 1UL << 20);
        }
    }
}
