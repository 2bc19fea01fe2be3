using NixFuseStore.Daemon.Tests.Clients;
using NixFuseStore.Daemon.Tests.Stores;
using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix;
using static NixFuseStore.Daemon.Tests.Stores.SampleStore;

namespace NixFuseStore.Daemon.Tests.Operations;

public sealed class QueryTests
{
    private readonly MemoryDaemonStore _store = Create();

    public static TheoryData<int> Minors => [18, 19, 20, 21, 22, 24, 25, 26, 27, 28, 30, 31, 34, 37, 38];

    [Theory]
    [MemberData(nameof(Minors))]
    public async Task IsValidPath_TellsWhetherItIs(int minor)
    {
        var reply = await AskAsync(minor, bytes => bytes.Number(1).Path(Hello).Number(1).Path(Missing));
        await reply.ExpectLastAsync();
        Assert.True(await reply.ReadBoolAsync());
        await reply.ExpectLastAsync();
        Assert.False(await reply.ReadBoolAsync());
        await reply.ExpectEndAsync();
    }

    [Theory]
    [MemberData(nameof(Minors))]
    public async Task QueryPathInfo_OfValidPath_TellsAllThatIsRecorded(int minor)
    {
        var info = Describe(Output1, "hi\n"u8.ToArray(), null, Text, Output1) with { Deriver = Derivation1, Ultimate = true };
        info = info.WithSignature(StoreDirectory.Default, Key);
        _store.Add(info, []);
        var reply = await AskAsync(minor, bytes => bytes.Number(26).Path(Output1));
        await reply.ExpectLastAsync();
        Assert.True(await reply.ReadBoolAsync());
        Assert.Equal(Derivation1, await reply.ReadPathAsync());
        Assert.Equal(info.NarHash.ToHex(), await reply.ReadTextAsync());
        Assert.Equal([Output1, Text], await reply.ReadPathsAsync());
        Assert.Equal(1_700_000_000UL, await reply.ReadNumberAsync());
        Assert.Equal(info.NarSize, await reply.ReadNumberAsync());
        Assert.True(await reply.ReadBoolAsync());
        Assert.Equal(info.Signatures, await reply.ReadSignaturesAsync());
        Assert.Equal("", await reply.ReadTextAsync());
        await reply.ExpectEndAsync();
    }

    [Fact]
    public async Task QueryPathInfo_OfInvalidPath_IsNoError()
    {
        var reply = await AskAsync(38, bytes => bytes.Number(26).Path(Missing));
        await reply.ExpectLastAsync();
        Assert.False(await reply.ReadBoolAsync());
        await reply.ExpectEndAsync();
    }

    [Fact]
    public async Task QueriesOfOld_AnswerPartsOfTheInfo()
    {
        var reply = await AskAsync(18, bytes => bytes
            .Number(4).Path(Hello)
            .Number(5).Path(Referrer)
            .Number(18).Path(Hello)
            .Number(4).Path(Missing)
            .Number(18).Path(Missing));
        await reply.ExpectLastAsync();
        Assert.Equal("1c37d01af40be2e80691de3cc3df44377a699afbb17c68f080964b2fd071fc13", await reply.ReadTextAsync());
        await reply.ExpectLastAsync();
        Assert.Equal([Text], await reply.ReadPathsAsync());
        await reply.ExpectLastAsync();
        Assert.Equal("", await reply.ReadTextAsync());
        Assert.Contains("is not valid", await reply.ExpectErrorAsync(18), StringComparison.Ordinal);
        Assert.Contains("is not valid", await reply.ExpectErrorAsync(18), StringComparison.Ordinal);
        await reply.ExpectEndAsync();
    }

    [Fact]
    public async Task Referrers_OfPaths_AreTold()
    {
        var reply = await AskAsync(38, bytes => bytes.Number(6).Path(Text).Number(6).Path(Missing).Number(33).Path(Output1));
        await reply.ExpectLastAsync();
        Assert.Equal([Referrer], await reply.ReadPathsAsync());
        await reply.ExpectLastAsync();
        Assert.Empty(await reply.ReadPathsAsync());
        await reply.ExpectLastAsync();
        Assert.Equal([Derivation1], await reply.ReadPathsAsync());
    }

    [Fact]
    public async Task QueryAllValidPaths_TellsAllInOrder()
    {
        var reply = await AskAsync(38, bytes => bytes.Number(23));
        await reply.ExpectLastAsync();
        Assert.Equal(_store.Paths, await reply.ReadPathsAsync());
    }

    [Fact]
    public async Task QueryPathFromHashPart_FindsThePath()
    {
        var reply = await AskAsync(
            38, bytes => bytes.Number(29).Text(Hello.HashPart).Number(29).Text(Missing.HashPart).Number(29).Text("short").Number(29).Text(Text.HashPart));
        await reply.ExpectLastAsync();
        Assert.Equal(Hello, await reply.ReadPathAsync());
        await reply.ExpectLastAsync();
        Assert.Equal("", await reply.ReadTextAsync());
        await reply.ExpectErrorAsync();
        await reply.ExpectLastAsync();
        Assert.Equal(Text, await reply.ReadPathAsync());
    }

    [Theory]
    [InlineData(26, false)]
    [InlineData(27, false)]
    [InlineData(27, true)]
    [InlineData(38, true)]
    public async Task QueryValidPaths_TellsTheValidOnes_AndFetchesWhereAsked(int minor, bool substitute)
    {
        _store.Substitutes[Missing] = new SubstitutablePath(Missing, null, [], 0, 0);
        var reply = await AskAsync(minor, bytes =>
        {
            bytes.Number(31).Number(3).Path(Text).Path(Missing).Path(Hello);
            _ = minor >= 27 ? bytes.Number(substitute ? 1UL : 0) : bytes;
        });
        await reply.ExpectLastAsync();
        StorePath[] expected = substitute ? [Missing, Hello, Text] : [Hello, Text];
        Assert.Equal(expected, await reply.ReadPathsAsync());
        await reply.ExpectEndAsync();
    }

    [Fact]
    public async Task DamagedPath_IsNotValidForWhoWouldSendIt_ButStaysKnown()
    {
        _store.Damaged[Text] = true;
        var reply = await AskAsync(38, bytes => bytes
            .Number(1).Path(Text).Number(1).Path(Hello)
            .Number(31).Number(2).Path(Text).Path(Hello).Number(0)
            .Number(26).Path(Text));
        await reply.ExpectLastAsync();
        Assert.False(await reply.ReadBoolAsync());
        await reply.ExpectLastAsync();
        Assert.True(await reply.ReadBoolAsync());
        await reply.ExpectLastAsync();
        Assert.Equal([Hello], await reply.ReadPathsAsync());
        await reply.ExpectLastAsync();
        Assert.True(await reply.ReadBoolAsync());
    }

    [Theory]
    [InlineData(18)]
    [InlineData(22)]
    [InlineData(38)]
    public async Task Substitutes_AreTold(int minor)
    {
        _store.Substitutes[Missing] = new SubstitutablePath(Missing, Derivation1, [Text], 5, 7);
        var reply = await AskAsync(minor, bytes =>
        {
            bytes.Number(3).Path(Missing).Number(21).Path(Missing).Number(21).Path(Output2);
            bytes.Number(32).Number(2).Path(Missing).Path(Output2);
            bytes.Number(30).Number(2).Path(Missing);
            _ = minor >= 22 ? bytes.Text("").Path(Output2).Text("fixed:r:sha256:04zwf782yjwnh3q6hz5izfd6jyip8kgw6g6yj43fiqhbyhdd0dqw") : bytes.Path(Output2);
        });
        await reply.ExpectLastAsync();
        Assert.True(await reply.ReadBoolAsync());
        await reply.ExpectLastAsync();
        Assert.True(await reply.ReadBoolAsync());
        await ExpectSubstituteAsync(reply);
        await reply.ExpectLastAsync();
        Assert.False(await reply.ReadBoolAsync());
        await reply.ExpectLastAsync();
        Assert.Equal([Missing], await reply.ReadPathsAsync());
        await reply.ExpectLastAsync();
        Assert.Equal(1UL, await reply.ReadNumberAsync());
        Assert.Equal(Missing, await reply.ReadPathAsync());
        await ExpectSubstituteAsync(reply);
        await reply.ExpectEndAsync();
    }

    [Fact]
    public async Task DerivationOutputs_AreTold()
    {
        var reply = await AskAsync(38, bytes => bytes
            .Number(41).Path(Derivation2).Number(22).Path(Derivation2).Number(28).Path(Derivation2).Number(41).Path(Missing).Number(41).Path(Hello));
        await reply.ExpectLastAsync();
        Assert.Equal(2UL, await reply.ReadNumberAsync());
        Assert.Equal("lib", await reply.ReadTextAsync());
        Assert.Equal(Output2Lib, await reply.ReadPathAsync());
        Assert.Equal("out", await reply.ReadTextAsync());
        Assert.Equal(Output2, await reply.ReadPathAsync());
        await reply.ExpectLastAsync();
        Assert.Equal([Output2Lib, Output2], await reply.ReadPathsAsync());
        await reply.ExpectLastAsync();
        Assert.Equal(["lib", "out"], await reply.ReadTextsAsync());
        Assert.Contains("not a derivation", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
        Assert.Contains("not a derivation", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
        await reply.ExpectEndAsync();
    }

    private static async Task ExpectSubstituteAsync(WireReader reply)
    {
        Assert.Equal(Derivation1, await reply.ReadPathAsync());
        Assert.Equal([Text], await reply.ReadPathsAsync());
        Assert.Equal(5UL, await reply.ReadNumberAsync());
        Assert.Equal(7UL, await reply.ReadNumberAsync());
    }

    private Task<WireReader> AskAsync(int minor, Action<WireBytes> requests) => TestDaemon.ConverseAsync(_store, minor, requests);
}
