using System.Text;
using NixFuseStore.Daemon.Tests.Clients;
using NixFuseStore.Daemon.Tests.Stores;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Realisations;
using static NixFuseStore.Daemon.Tests.Stores.SampleStore;

namespace NixFuseStore.Daemon.Tests.Operations;

public sealed class MaintenanceTests
{
    private readonly MemoryDaemonStore _store = Create();

    internal static WireBytes SetOptions(WireBytes bytes, int verbosity, bool useSubstitutes, params string[] overrides)
    {
        bytes.Number(19).Number(0).Number(0).Number(0).Number((ulong)verbosity).Number(1).Number(0).Number(1).Number(0).Number(0).Number(0).Number(0);
        bytes.Number(useSubstitutes ? 1UL : 0).Number((ulong)overrides.Length / 2);
        return overrides.Aggregate(bytes, (all, text) => all.Text(text));
    }

    [Fact]
    public async Task SetOptions_WarnsOfUnknownNames_AndNeverFails()
    {
        var reply = await TestDaemon.ConverseAsync(_store, 38, bytes => SetOptions(
            bytes, 3, true, "sandbox", "false", "extra-substituters", "https://example.org", "no-such-setting", "1"));
        Assert.Equal("warning: unknown setting 'no-such-setting'\n", await reply.ExpectLineAsync());
        await reply.ExpectLastAsync();
        await reply.ExpectEndAsync();
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(2, true)]
    public async Task Lines_AboveTheClientsLevel_AreNotSent(int verbosity, bool heard)
    {
        var reply = await TestDaemon.ConverseAsync(_store, 38, bytes => SetOptions(bytes, verbosity, true).Number(34));
        await reply.ExpectLastAsync();
        if (heard)
        {
            Assert.Contains("nothing to optimise", await reply.ExpectLineAsync(), StringComparison.Ordinal);
        }

        await reply.ExpectLastAsync();
        Assert.Equal(1UL, await reply.ReadNumberAsync());
        await reply.ExpectEndAsync();
    }

    [Fact]
    public async Task VerifyStore_TellsProblems_AndRepairsForTrustedClientsOnly()
    {
        var reply = await TestDaemon.ConverseAsync(_store, 38, bytes => bytes.Number(35).Number(1).Number(0).Number(35).Number(1).Number(1));
        Assert.Contains("is broken", await reply.ExpectLineAsync(), StringComparison.Ordinal);
        await reply.ExpectLastAsync();
        Assert.True(await reply.ReadBoolAsync());
        await reply.ExpectLineAsync();
        await reply.ExpectLastAsync();
        Assert.False(await reply.ReadBoolAsync());
        var refused = await TestDaemon.ConverseAsync(_store, 38, bytes => bytes.Number(35).Number(1).Number(1), TestDaemon.Distrusting);
        await refused.ExpectErrorAsync();
    }

    [Fact]
    public async Task FailedPaths_AreRefused_AndTheConnectionStays()
    {
        var reply = await TestDaemon.ConverseAsync(_store, 20, bytes => bytes.Number(24).Number(25).Texts("/nix/store/x").Number(13));
        await reply.ExpectErrorAsync(20);
        await reply.ExpectErrorAsync(20);
        await reply.ExpectLastAsync();
    }

    [Fact]
    public async Task Roots_AreKeptAndTold()
    {
        Action<WireBytes> requests = bytes => bytes
            .Number(11).Path(Hello)
            .Number(12).Text("/home/me/result")
            .Number(12).Text("relative")
            .Number(13)
            .Number(14);
        _store.Roots.Enqueue(("/var/nix/profiles/p", Text));
        foreach (var options in (DaemonOptions[])[TestDaemon.Trusting, TestDaemon.Distrusting])
        {
            var reply = await TestDaemon.ConverseAsync(_store, 34, requests, options);
            await reply.ExpectLastAsync();
            Assert.Equal(1UL, await reply.ReadNumberAsync());
            await reply.ExpectLastAsync();
            Assert.Equal(1UL, await reply.ReadNumberAsync());
            Assert.Contains("absolute", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
            await reply.ExpectLastAsync();
            Assert.Equal(1UL, await reply.ReadNumberAsync());
            await reply.ExpectLastAsync();
            Assert.Equal(2UL, await reply.ReadNumberAsync());
            Assert.Equal("/var/nix/profiles/p", await reply.ReadTextAsync());
            Assert.Equal(Text, await reply.ReadPathAsync());
            Assert.Equal(options == TestDaemon.Trusting ? "{temp:1}" : "{censored}", await reply.ReadTextAsync());
            Assert.Equal(Hello, await reply.ReadPathAsync());
        }

        Assert.Equal(("/home/me/result", new DaemonPeer(1, 1000, 1000)), _store.IndirectRoots.First());
    }

    [Fact]
    public async Task AddIndirectRoot_ThatCannotBeSeen_IsAWarning()
    {
        var reply = await TestDaemon.ConverseAsync(_store, 34, bytes => bytes.Number(12).Text("/elsewhere/result"));
        Assert.Equal((ulong)0x6f6c6d67, await reply.ReadNumberAsync()); // STDERR_NEXT
        Assert.Contains("warning: the root '/elsewhere/result' is not recorded", await reply.ReadTextAsync(), StringComparison.Ordinal);
        await reply.ExpectLastAsync();
        Assert.Equal(1UL, await reply.ReadNumberAsync());
        Assert.Empty(_store.IndirectRoots);
    }

    [Fact]
    public async Task AddPermRoot_NeedsTrust()
    {
        Action<WireBytes> request = bytes => bytes.Number(47).Path(Hello).Text("/root/link").Number(13);
        var refused = await TestDaemon.ConverseAsync(_store, 38, request, TestDaemon.Distrusting);
        await refused.ExpectErrorAsync();
        await refused.ExpectLastAsync();
        Assert.Empty(_store.Roots);
        var reply = await TestDaemon.ConverseAsync(_store, 38, request);
        await reply.ExpectLastAsync();
        Assert.Equal("/root/link", await reply.ReadTextAsync());
        Assert.Equal([("/root/link", Hello)], _store.Roots);
    }

    [Fact]
    public async Task CollectGarbage_TellsLiveAndDead_AndDeletesNothing()
    {
        _store.Roots.Enqueue(("/root/link", Hello));
        var reply = await TestDaemon.ConverseAsync(_store, 38, bytes =>
        {
            Collect(bytes, 0);
            Collect(bytes, 1);
            Collect(bytes, 2);
            Collect(bytes, 3, Hello);
            Collect(bytes, 1, ignoreLiveness: true);
        });
        await reply.ExpectLastAsync();
        Assert.Equal([Hello], await reply.ReadPathsAsync());
        Assert.Equal(0UL, await reply.ReadNumberAsync());
        Assert.Equal(0UL, await reply.ReadNumberAsync());
        await reply.ExpectLastAsync();
        Assert.Equal(_store.Paths.Count - 1, (await reply.ReadPathsAsync()).Count);
        Assert.Equal(0UL, await reply.ReadNumberAsync());
        Assert.Equal(0UL, await reply.ReadNumberAsync());
        Assert.Contains("on its server", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
        Assert.Contains("on its server", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
        Assert.Contains("alive", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
        await reply.ExpectEndAsync();
    }

    [Theory]
    [InlineData(27)]
    [InlineData(30)]
    [InlineData(31)]
    [InlineData(38)]
    public async Task Realisations_AreKept(int minor)
    {
        string id = $"sha256:{new string('a', 64)}!out";
        string json = $$"""{"dependentRealisations":{},"id":"{{id}}","outPath":"{{Hello}}","signatures":[]}""";
        var reply = await TestDaemon.ConverseAsync(_store, minor, bytes =>
        {
            bytes.Number(43).Text(id);
            _ = minor >= 31 ? bytes.Number(42).Text(json) : bytes.Number(42).Text(id).Text(Hello.BaseName);
            bytes.Number(43).Text(id).Number(43).Text("nonsense").Number(42).Text("nonsense");
            _ = minor >= 31 ? bytes : bytes.Text("nonsense");
        });
        await reply.ExpectLastAsync();
        Assert.Equal(0UL, await reply.ReadNumberAsync());
        await reply.ExpectLastAsync();
        await reply.ExpectLastAsync();
        if (minor >= 31)
        {
            Assert.Equal([json], await reply.ReadTextsAsync());
        }
        else
        {
            Assert.Equal([Hello], await reply.ReadPathsAsync());
        }

        await reply.ExpectErrorAsync();
        await reply.ExpectErrorAsync();
        await reply.ExpectEndAsync();
    }

    [Fact]
    public async Task Realisation_OfAnotherPath_IsRefusedInWords()
    {
        var reply = await TestDaemon.ConverseAsync(_store, 38, bytes => bytes
            .Number(42).Text(RealisationJson(Hello)).Number(42).Text(RealisationJson(Text)).Number(42).Text(RealisationJson(Hello)));
        await reply.ExpectLastAsync();
        string refusal = await reply.ExpectErrorAsync();
        Assert.Contains(Hello.BaseName, refusal, StringComparison.Ordinal);
        Assert.Contains("which stays", refusal, StringComparison.Ordinal);
        await reply.ExpectLastAsync();
        await reply.ExpectEndAsync();
    }

    [Fact]
    public async Task Realisation_ByAnUntrustedClient_NeedsATrustedKeysSignature()
    {
        string body = RealisationJson(Hello, signatures: null);
        var signature = Key.Sign(Encoding.UTF8.GetBytes(body));
        var options = TestDaemon.Distrusting with { TrustedKeys = [Key.PublicKey] };
        var forged = Key.Sign(Encoding.UTF8.GetBytes(RealisationJson(Text, signatures: null)));

        var refused = await TestDaemon.ConverseAsync(
            _store, 38, bytes => bytes.Number(42).Text(RealisationJson(Hello)).Number(42).Text(RealisationJson(Hello, $"\"{forged}\"")), options);
        Assert.Contains("lacks a signature by a trusted key", await refused.ExpectErrorAsync(), StringComparison.Ordinal);
        Assert.Contains("lacks a signature by a trusted key", await refused.ExpectErrorAsync(), StringComparison.Ordinal);
        await refused.ExpectEndAsync();

        // Signed, and then again without: it is registered already.
        var reply = await TestDaemon.ConverseAsync(
            _store, 38, bytes => bytes.Number(42).Text(RealisationJson(Hello, $"\"{signature}\"")).Number(42).Text(RealisationJson(Hello)), options);
        await reply.ExpectLastAsync();
        await reply.ExpectLastAsync();
        await reply.ExpectEndAsync();
    }

    /// <summary>Also where the store would let it take the place of one that is not valid.</summary>
    [Fact]
    public async Task Realisation_OfAnotherPath_ByAnUntrustedClient_ChangesNothing()
    {
        string registered = RealisationJson(Hello);
        string id = Realisation.Parse(registered).Id;
        await _store.AddRealisationAsync(id, registered, TestContext.Current.CancellationToken);
        _store.ReplacesRealisations = true;
        var reply = await TestDaemon.ConverseAsync(_store, 38, bytes => bytes.Number(42).Text(RealisationJson(Text)), TestDaemon.Distrusting);
        Assert.Contains("which stays", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
        Assert.Equal(registered, await _store.FindRealisationAsync(id, TestContext.Current.CancellationToken));

        var trusted = await TestDaemon.ConverseAsync(_store, 38, bytes => bytes.Number(42).Text(RealisationJson(Text)));
        await trusted.ExpectLastAsync();
        Assert.Equal(RealisationJson(Text), await _store.FindRealisationAsync(id, TestContext.Current.CancellationToken));
    }

    private static string RealisationJson(StorePath path, string? signatures = "") =>
        $$"""{"dependentRealisations":{},"id":"sha256:{{new string('b', 64)}}!out","outPath":"{{path}}"{{(signatures is null ? "" : $",\"signatures\":[{signatures}]")}}}""";

    [Fact]
    public async Task AddSignatures_OfValidPath_AreKept()
    {
        var signature = _store.Get(Hello).WithSignature(StoreDirectory.Default, Key).Signatures[0];
        var reply = await TestDaemon.ConverseAsync(
            _store,
            38,
            bytes => bytes.Number(37).Path(Hello).Texts(signature.ToString()).Number(37).Path(Missing).Texts(signature.ToString()),
            TestDaemon.Distrusting);
        await reply.ExpectLastAsync();
        Assert.Equal(1UL, await reply.ReadNumberAsync());
        await reply.ExpectErrorAsync();
        Assert.Equal([signature], _store.Get(Hello).Signatures);
    }

    private static void Collect(WireBytes bytes, int action, StorePath? path = null, bool ignoreLiveness = false)
    {
        bytes.Number(20).Number((ulong)action);
        _ = path is { } some ? bytes.Number(1).Path(some) : bytes.Number(0);
        bytes.Number(ignoreLiveness ? 1UL : 0).Number(ulong.MaxValue).Number(0).Number(0).Number(0);
    }
}
