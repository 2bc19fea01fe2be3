using NixFuseStore.Daemon.Tests.Clients;
using NixFuseStore.Daemon.Tests.Stores;
using NixFuseStore.Nix;
using static NixFuseStore.Daemon.Tests.Stores.SampleStore;

namespace NixFuseStore.Daemon.Tests.Operations;

public sealed class QueryMissingTests
{
    private readonly MemoryDaemonStore _store = Create();

    [Theory]
    [InlineData(19, "")]
    [InlineData(29, "!out")]
    [InlineData(30, "!*")]
    [InlineData(38, "!out,lib")]
    public async Task QueryMissing_TellsWhatWouldBeBuilt(int minor, string outputs)
    {
        string wanted = StoreDirectory.Default.Print(Derivation2) + outputs;
        var missing = await QueryMissingAsync(minor, wanted, StoreDirectory.Default.Print(Hello), StoreDirectory.Default.Print(Missing));
        Assert.Equal([Derivation2], missing.WillBuild);
        Assert.Empty(missing.WillSubstitute);
        Assert.Equal([Missing], missing.Unknown);
    }

    [Fact]
    public async Task QueryMissing_OfValidThings_TellsNothing()
    {
        var missing = await QueryMissingAsync(
            38, StoreDirectory.Default.Print(Derivation2), StoreDirectory.Default.Print(Derivation1) + "!*", StoreDirectory.Default.Print(Output1));
        Assert.Empty(missing.WillBuild);
        Assert.Empty(missing.WillSubstitute);
        Assert.Empty(missing.Unknown);
    }

    [Fact]
    public async Task QueryMissing_FollowsInputsAndReferences()
    {
        // The first input is not valid and cannot be fetched, so it would be built; the output of the other can be fetched.
        var store = new MemoryDaemonStore();
        foreach (var path in (StorePath[])[Derivation1, FixedDerivation, Derivation2])
        {
            store.Add(_store.Get(path), _store.GetNar(path));
        }

        store.Substitutes[FixedOutput] = new SubstitutablePath(FixedOutput, null, [Text, FixedOutput], 10, 20);
        store.Substitutes[Text] = new SubstitutablePath(Text, null, [], 1, 2);
        var missing = await QueryMissingAsync(38, store, StoreDirectory.Default.Print(Derivation2) + "!*");
        Assert.Equal([Derivation2, Derivation1], missing.WillBuild);
        Assert.Equal([FixedOutput, Text], missing.WillSubstitute);
        Assert.Empty(missing.Unknown);
        Assert.Equal(11UL, missing.DownloadSize);
        Assert.Equal(22UL, missing.NarSize);
    }

    [Fact]
    public async Task QueryMissing_WithoutSubstitutes_OffersNone()
    {
        _store.Substitutes[Missing] = new SubstitutablePath(Missing, null, [], 0, 0);
        var reply = await TestDaemon.ConverseAsync(_store, 38, bytes => MaintenanceTests.SetOptions(bytes, verbosity: 3, useSubstitutes: false)
            .Number(40).Texts(StoreDirectory.Default.Print(Missing)));
        await reply.ExpectLastAsync();
        await reply.ExpectLastAsync();
        Assert.Empty(await reply.ReadPathsAsync());
        Assert.Empty(await reply.ReadPathsAsync());
        Assert.Equal([Missing], await reply.ReadPathsAsync());
    }

    private Task<MissingAnswer> QueryMissingAsync(int minor, params string[] wanted) => QueryMissingAsync(minor, _store, wanted);

    private static async Task<MissingAnswer> QueryMissingAsync(int minor, MemoryDaemonStore store, params string[] wanted)
    {
        var reply = await TestDaemon.ConverseAsync(store, minor, bytes => bytes.Number(40).Texts(wanted));
        await reply.ExpectLastAsync();
        var answer = new MissingAnswer(
            await reply.ReadPathsAsync(),
            await reply.ReadPathsAsync(),
            await reply.ReadPathsAsync(),
            await reply.ReadNumberAsync(),
            await reply.ReadNumberAsync());
        await reply.ExpectEndAsync();
        return answer;
    }

    private sealed record MissingAnswer(
        List<StorePath> WillBuild, List<StorePath> WillSubstitute, List<StorePath> Unknown, ulong DownloadSize, ulong NarSize);
}
