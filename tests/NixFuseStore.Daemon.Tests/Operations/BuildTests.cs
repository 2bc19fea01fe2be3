using NixFuseStore.Daemon.Logging;
using NixFuseStore.Daemon.Tests.Clients;
using NixFuseStore.Daemon.Tests.Stores;
using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix;
using static NixFuseStore.Daemon.Tests.Stores.SampleStore;

namespace NixFuseStore.Daemon.Tests.Operations;

public sealed class BuildTests
{
    // Hashes modulo inputs that Nix 2.8.0 computed; see the derivations of the samples.
    private const string Hash1 = "b4f255f62b06cacf1de4f6a0b0ac0cca750c2db22591db05efe39a488e4cafcc";
    private const string Hash2 = "fbbc361768bb6e841691fb133cbbfbc561466f70fa10c6b6c286b17a26917c53";

    private readonly MemoryDaemonStore _store = Create();

    [Theory]
    [InlineData(18)]
    [InlineData(28)]
    [InlineData(38)]
    public async Task BuildPaths_OfValidThings_Succeeds(int minor)
    {
        string all = minor >= 30 ? "!*" : "";
        var reply = await TestDaemon.ConverseAsync(_store, minor, bytes => bytes
            .Number(9).Texts(StoreDirectory.Default.Print(Derivation1) + all, StoreDirectory.Default.Print(Derivation1) + "!out", StoreDirectory.Default.Print(Hello))
            .Number(0)
            .Number(10).Path(Hello));
        await reply.ExpectLastAsync();
        Assert.Equal(1UL, await reply.ReadNumberAsync());
        await reply.ExpectLastAsync();
        Assert.Equal(1UL, await reply.ReadNumberAsync());
        await reply.ExpectEndAsync();
    }

    [Theory]
    [InlineData(18)]
    [InlineData(25)]
    [InlineData(26)]
    [InlineData(38)]
    public async Task BuildPaths_OfUnbuiltDerivation_IsRefusedClearly(int minor)
    {
        var reply = await TestDaemon.ConverseAsync(_store, minor, bytes => bytes
            .Number(9).Texts(StoreDirectory.Default.Print(Derivation2) + "!out").Number(0)
            .Number(9).Texts(StoreDirectory.Default.Print(Missing)).Number(0)
            .Number(10).Path(Missing)
            .Number(13));
        Assert.Contains("this store does not build", await reply.ExpectErrorAsync(minor), StringComparison.Ordinal);
        Assert.Contains("is not valid, and no binary cache", await reply.ExpectErrorAsync(minor), StringComparison.Ordinal);
        Assert.Contains("is not valid, and no binary cache", await reply.ExpectErrorAsync(minor), StringComparison.Ordinal);
        await reply.ExpectLastAsync();
    }

    [Fact]
    public async Task BuildPathsWithResults_TellsEach()
    {
        _store.Substitutes[Missing] = new SubstitutablePath(Missing, null, [], 0, 0);
        string[] wanted =
        [
            StoreDirectory.Default.Print(Derivation1) + "!*",
            StoreDirectory.Default.Print(Hello),
            StoreDirectory.Default.Print(Missing),
            StoreDirectory.Default.Print(Derivation2) + "!lib",
            StoreDirectory.Default.Print(Derivation1) + "!nonsense",
        ];
        var reply = await TestDaemon.ConverseAsync(_store, 38, bytes => SetKeepGoing(bytes).Number(46).Texts(wanted).Number(0));
        await reply.ExpectLastAsync();
        await ExpectActivityAsync(reply, ActivityType.CopyPaths);
        await reply.ExpectLastAsync();
        Assert.Equal(5UL, await reply.ReadNumberAsync());
        await ExpectResultAsync(reply, wanted[0], BuildStatus.AlreadyValid, ($"sha256:{Hash1}!out", Output1));
        await ExpectResultAsync(reply, wanted[1], BuildStatus.AlreadyValid);
        await ExpectResultAsync(reply, wanted[2], BuildStatus.Substituted);
        await ExpectResultAsync(reply, wanted[3], BuildStatus.MiscFailure);
        await ExpectResultAsync(reply, wanted[4], BuildStatus.MiscFailure);
        await reply.ExpectEndAsync();
    }

    [Fact]
    public async Task UnbuiltDerivation_IsFetchedWhereItCanBe()
    {
        _store.Substitutes[Output2] = new SubstitutablePath(Output2, null, [], 0, 0);
        _store.Substitutes[Output2Lib] = new SubstitutablePath(Output2Lib, null, [], 0, 0);
        string wanted = StoreDirectory.Default.Print(Derivation2) + "!*";
        var reply = await TestDaemon.ConverseAsync(_store, 34, bytes => bytes.Number(46).Texts(wanted).Number(0));
        await ExpectActivityAsync(reply, ActivityType.CopyPaths);
        await reply.ExpectLastAsync();
        Assert.Equal(1UL, await reply.ReadNumberAsync());
        await ExpectResultAsync(
            reply, wanted, BuildStatus.Substituted, minor: 34, ($"sha256:{Hash2}!lib", Output2Lib), ($"sha256:{Hash2}!out", Output2));
    }

    [Fact]
    public async Task Builder_BuildsAndIsHeard()
    {
        var builder = new FakeBuilder(_store);
        string wanted = StoreDirectory.Default.Print(Derivation2) + "!out";
        var reply = await TestDaemon.ConverseAsync(_store, 38, bytes => bytes.Number(46).Texts(wanted).Number(0), builder: builder);
        ulong activity = await ExpectStartAsync(reply, ActivityType.Build);
        foreach (string line in (string[])["building lib", "building out"])
        {
            await ExpectLineAsync(reply, activity, line);
        }

        await ExpectStopAsync(reply, activity);
        await reply.ExpectLastAsync();
        Assert.Equal(1UL, await reply.ReadNumberAsync());
        await ExpectResultAsync(reply, wanted, BuildStatus.Built, ($"sha256:{Hash2}!out", Output2));
    }

    [Theory]
    [InlineData(27)]
    [InlineData(28)]
    [InlineData(34)]
    [InlineData(38)]
    public async Task BuildDerivation_OfValidOutputs_Succeeds(int minor)
    {
        var reply = await TestDaemon.ConverseAsync(_store, minor, bytes => SendFixed(bytes).Number(0));
        await reply.ExpectLastAsync();
        await ExpectResultAsync(
            reply,
            wanted: null,
            BuildStatus.AlreadyValid,
            minor,
            ("sha256:771ed2961762b5fb9ddd4842b09667f5792b8b82450de3901115ad84891cb874!out", FixedOutput));
        await reply.ExpectEndAsync();
    }

    [Fact]
    public async Task BuildDerivation_OfInputAddressedOne_NeedsTrust()
    {
        Action<WireBytes> request = bytes => bytes
            .Number(36).Path(Derivation1).Number(1).Text("out").Path(Output1).Text("").Text("").Number(0)
            .Text("x86_64-linux").Text("/bin/sh").Texts("-c", "true").Number(1).Text("name").Text("d1").Number(0)
            .Number(13);
        var refused = await TestDaemon.ConverseAsync(_store, 38, request, TestDaemon.Distrusting);
        Assert.Contains("needs a trusted client", await refused.ExpectErrorAsync(), StringComparison.Ordinal);
        await refused.ExpectLastAsync();
        var reply = await TestDaemon.ConverseAsync(_store, 38, request);
        await reply.ExpectLastAsync();
        Assert.Equal((ulong)BuildStatus.AlreadyValid, await reply.ReadNumberAsync());
    }

    [Fact]
    public async Task Success_IsNotBelievedWithoutTheOutputs()
    {
        string wanted = StoreDirectory.Default.Print(Derivation2) + "!out";
        var reply = await TestDaemon.ConverseAsync(_store, 38, bytes => bytes.Number(9).Texts(wanted).Number(0), builder: new LyingBuilder());
        await ExpectActivityAsync(reply, ActivityType.Build);
        Assert.Contains("is not valid after the build of", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_BuildsWhatIsValidOnceMore()
    {
        var reply = await TestDaemon.ConverseAsync(
            _store, 38, bytes => bytes.Number(9).Texts(StoreDirectory.Default.Print(Derivation1) + "!*").Number(2), builder: new FakeBuilder(_store));
        ulong activity = await ExpectStartAsync(reply, ActivityType.Build);
        await ExpectLineAsync(reply, activity, "checking out");
        await ExpectStopAsync(reply, activity);
        await reply.ExpectLastAsync();
        Assert.Equal(1UL, await reply.ReadNumberAsync());
    }

    [Fact]
    public async Task Check_OfWhatIsNotValid_IsRefused()
    {
        var reply = await TestDaemon.ConverseAsync(
            _store, 38, bytes => bytes.Number(9).Texts(StoreDirectory.Default.Print(Derivation2) + "!*").Number(2), builder: new FakeBuilder(_store));
        Assert.Contains("are not valid, so checking is not possible", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Repair_IsRefusedClearly()
    {
        var reply = await TestDaemon.ConverseAsync(_store, 38, bytes => bytes
            .Number(9).Texts(StoreDirectory.Default.Print(Derivation1) + "!*").Number(1));
        Assert.Contains("is healed by adding it again", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
    }

    private static WireBytes SetKeepGoing(WireBytes bytes) =>
        bytes.Number(19).Number(0).Number(1).Number(0).Number(3).Number(1).Number(0).Number(1).Number(0).Number(0).Number(0).Number(0).Number(1).Number(0);

    private static WireBytes SendFixed(WireBytes bytes) => bytes
        .Number(36).Path(FixedDerivation)
        .Number(1).Text("out").Path(FixedOutput).Text("sha256").Text("5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")
        .Number(0).Text("x86_64-linux").Text("/bin/sh").Texts("-c", "echo hello > $out").Number(1).Text("name").Text("fod.txt");

    private static async Task ExpectResultAsync(
        WireReader reply, string? wanted, BuildStatus status, params (string Id, StorePath Path)[] outputs) =>
        await ExpectResultAsync(reply, wanted, status, 38, outputs);

    private static async Task ExpectResultAsync(
        WireReader reply, string? wanted, BuildStatus status, int minor, params (string Id, StorePath Path)[] outputs)
    {
        if (wanted is not null)
        {
            Assert.Equal(wanted, await reply.ReadTextAsync());
        }

        Assert.Equal(status, (BuildStatus)await reply.ReadNumberAsync());
        bool failed = status is BuildStatus.MiscFailure or BuildStatus.NoSubstituters;
        Assert.Equal(failed, (await reply.ReadTextAsync()).Length > 0);
        int numbers = minor switch
        {
            >= 37 => 6,
            >= 29 => 4,
            _ => 0,
        };
        for (int i = 0; i < numbers; i++)
        {
            Assert.Equal(0UL, await reply.ReadNumberAsync());
        }

        if (minor >= 28)
        {
            Assert.Equal((ulong)outputs.Length, await reply.ReadNumberAsync());
            foreach (var (id, path) in outputs)
            {
                Assert.Equal(id, await reply.ReadTextAsync());
                Assert.Equal(
                    $$"""{"dependentRealisations":{},"id":"{{id}}","outPath":"{{path}}","signatures":[]}""", await reply.ReadTextAsync());
            }
        }
    }

    private static async Task ExpectActivityAsync(WireReader reply, ActivityType type) =>
        await ExpectStopAsync(reply, await ExpectStartAsync(reply, type));

    private static async Task<ulong> ExpectStartAsync(WireReader reply, ActivityType type)
    {
        Assert.Equal(LogMessage.StartActivity, (LogMessage)await reply.ReadNumberAsync());
        ulong activity = await reply.ReadNumberAsync();
        Assert.Equal((ulong)LogLevel.Info, await reply.ReadNumberAsync());
        Assert.Equal(type, (ActivityType)await reply.ReadNumberAsync());
        await reply.ReadTextAsync();
        ulong fields = await reply.ReadNumberAsync();
        Assert.Equal(type == ActivityType.Build ? 4UL : 0, fields);
        for (ulong i = 0; i < fields; i++)
        {
            _ = await reply.ReadNumberAsync() == 0 ? (object)await reply.ReadNumberAsync() : await reply.ReadTextAsync();
        }

        Assert.Equal(0UL, await reply.ReadNumberAsync());
        return activity;
    }

    private static async Task ExpectLineAsync(WireReader reply, ulong activity, string line)
    {
        Assert.Equal(LogMessage.Result, (LogMessage)await reply.ReadNumberAsync());
        Assert.Equal(activity, await reply.ReadNumberAsync());
        Assert.Equal(101UL, await reply.ReadNumberAsync());
        Assert.Equal(1UL, await reply.ReadNumberAsync());
        Assert.Equal(1UL, await reply.ReadNumberAsync());
        Assert.Equal(line, await reply.ReadTextAsync());
    }

    private static async Task ExpectStopAsync(WireReader reply, ulong activity)
    {
        Assert.Equal(LogMessage.StopActivity, (LogMessage)await reply.ReadNumberAsync());
        Assert.Equal(activity, await reply.ReadNumberAsync());
    }

    private sealed class LyingBuilder : IBuilder
    {
        public Task<StepResult> BuildAsync(BuildStep build, Func<string, ValueTask> logLine, CancellationToken cancellationToken) =>
            Task.FromResult(new StepResult(BuildStatus.Built, ""));
    }

    private sealed class FakeBuilder(MemoryDaemonStore store) : IBuilder
    {
        public async Task<StepResult> BuildAsync(BuildStep build, Func<string, ValueTask> logLine, CancellationToken cancellationToken)
        {
            foreach (var (name, path) in build.Outputs.OrderBy(static output => output.Key, StringComparer.Ordinal))
            {
                await logLine($"{(build.Checks ? "checking" : "building")} {name}");
                if (build.Checks)
                {
                    continue;
                }

                store.Add(Describe(path, [], null), NarFile.Of(""));
            }

            return new StepResult(BuildStatus.Built, "");
        }
    }
}
