using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.NixCommands;

/// <summary>Every command that users give to stock Nix, in every release, through a daemon socket.</summary>
public sealed class NixCommandTests : EndToEndTest
{
    public static TheoryData<string> Suites => NixRelease.Suites;

    /// <summary>Nix's own daemon passes too, which shows that the table asks for what Nix does.</summary>
    [Theory]
    [MemberData(nameof(Suites))]
    public void StockDaemon_DoesEveryCommand(string suite)
    {
        var release = NixRelease.Open(suite);
        var other = Own(new StockDaemon(Folder + "/other"));
        var daemon = Own(new StockDaemon(Folder + "/stock", other));
        AssertNoFailure(Run(release, daemon.Store));
    }

    /// <summary>A mount does what COMMANDS.md says that it does.</summary>
    [Theory]
    [MemberData(nameof(Suites))]
    public void Mount_DoesEveryCommand(string suite)
    {
        var release = NixRelease.Open(suite);
        var server = Own(new ServerProcess(Folder + "/server"));
        foreach (var store in (string[])["main", "other", "cache"])
        {
            server.CreateStore(store);
        }

        server.Run("store", "set", "main", "--upstream", server.Url + "/cache", "--trusted-public-key", server.PublicKey("cache")).Succeeded();
        server.Start();
        var outcomes = Run(release, Mount(server, "main", Mount(server, "other")));

        if (Environment.GetEnvironmentVariable(CommandTable.WriteVariable) == "1")
        {
            CommandTable.Read().With(release, outcomes).Write();
        }

        AssertNoFailure(outcomes);
        Assert.Equal(CommandTable.Read()[release], outcomes);
    }

    private StoreUnderTest Mount(ServerProcess server, string store, StoreUnderTest? other = null)
    {
        var client = NewClient(server, store, mountName: "nix");
        client.StoreName = store;
        client.MountArguments.Add("--no-builds");
        client.Mount();
        return new StoreUnderTest(Path.GetDirectoryName(client.MountPoint)!, other, server.Url + "/cache", Builds: false)
        {
            Bring = (source, path) => client.Push(source.Store, path),
        };
    }

    private static void AssertNoFailure(IEnumerable<CommandOutcome> outcomes)
    {
        var failures = outcomes.Where(outcome => outcome.IsFailure).Select(outcome => $"{outcome.Title}\n  {outcome.Cell}").ToArray();
        Assert.True(failures.Length == 0, string.Join('\n', failures));
    }

    private CommandOutcome[] Run(NixRelease release, StoreUnderTest target)
    {
        var run = new CommandRun(new NixClient(release, Scratch), new SourceStore(Folder + "/source"), target);
        NixCommand[] commands =
        [
            .. CopyCommands.Filling, .. QueryCommands.All, .. ContentCommands.All, .. AddingCommands.All, .. RootCommands.All, .. BuildCommands.All,
            .. target.Builds ? [] : BuildCommands.Refused,
            .. CopyCommands.All,
            .. target.HttpCache is null ? [] : CopyCommands.OverHttp,
            .. MaintenanceCommands.All,
        ];
        return commands.Select(command => CommandOutcome.Of(command, run)).ToArray();
    }
}
