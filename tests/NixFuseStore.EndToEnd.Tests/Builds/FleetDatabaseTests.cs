using System.Diagnostics;
using NixFuseStore.EndToEnd.Tests.Fixtures;
using NixFuseStore.Testing.Databases;

namespace NixFuseStore.EndToEnd.Tests.Builds;

/// <summary>Two servers on one PostgreSQL, with a host on each: one execution of a derivation, whichever of the three is away meanwhile.</summary>
public sealed class FleetDatabaseTests : FleetTest, IAsyncLifetime
{
    private readonly PostgresServer _postgres = new();
    private ServerProcess _first = null!;
    private ServerProcess _second = null!;
    private ClientHost _here = null!;
    private ClientHost _there = null!;
    private string _database = "";

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        if (PostgresServer.WhyMissing is { } reason)
        {
            Assert.Skip(reason);
        }

        var uri = await _postgres.CreateDatabaseAsync();
        _database = PostgresServer.NameOf(uri);
        _first = Own(new ServerProcess(Folder + "/server", uri));
        _second = Own(new ServerProcess(Folder + "/server", uri));
        _first.Start();
        _second.Start();
        PushTools(_first);
        (_here, _there) = (Mount(_first, "here"), Mount(_second, "there"));

        // A builder whose programs are not on its host fails while the store is away.
        (await BuildAsync(_here, "warm", "--arg", "count", "1")).Succeeded();
        (await BuildAsync(_there, "warm", "--arg", "count", "2")).Succeeded();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Dispose();
        await _postgres.DisposeAsync();
    }

    /// <summary>Whether it is the owner's; in the long form that of the one that waits, too.</summary>
    public static TheoryData<bool> KilledServers => IsLong ? [true, false] : [true];

    /// <summary>Whether the database stands still instead of going away; in the long form both.</summary>
    public static TheoryData<bool> Outages => IsLong ? [true, false] : [false];

    [Fact]
    public async Task TwoServers_OneExecution_TheSameLogAndResult()
    {
        AssertBothHearOne(await Task.WhenAll(BuildAsync(_here, "timed"), BuildAsync(_there, "timed")), "timed", []);
        await AssertExecutionsAsync("timed", "ended");
    }

    /// <summary>That of the owner, or that of the one that waits.</summary>
    [Theory]
    [MemberData(nameof(KilledServers))]
    public async Task ServerKilledAndStartedAgain_EachHasTheOneResult(bool isOwners)
    {
        string[] seconds = ["--argstr", "seconds", "5"];
        var asking = AskBoth(seconds);
        var killed = isOwners ? _first : _second;

        killed.Kill();
        await Task.Delay(TimeSpan.FromSeconds(1), Cancellation);
        killed.Start();

        AssertBothHearOne(await asking, "timed", seconds);
        await AssertExecutionsAsync("timed", "ended");
    }

    /// <summary>Away for longer than a lease: the owner is believed to live for a lease after it, and is heard by then.</summary>
    /// <param name="stands">Whether the database stands still, so that connections stay and nothing answers.</param>
    [Theory]
    [MemberData(nameof(Outages))]
    public async Task DatabaseAway_TheOwnerBuildsOn_AndIsRegisteredOnce(bool stands)
    {
        // The builder ends while the database is away in the long form, and after it in the short one.
        string[] seconds = ["--argstr", "seconds", IsLong ? "20" : "18"];
        var away = TimeSpan.FromSeconds(IsLong ? 30 : 14);
        var asking = AskBoth(seconds);
        var clock = Stopwatch.StartNew();

        if (stands)
        {
            Signal("-STOP");
            await Task.Delay(away, Cancellation);
            Signal("-CONT");
        }
        else
        {
            await _postgres.StopAsync();
            await Task.Delay(away, Cancellation);
            await _postgres.StartAsync();
        }

        Assert.True(clock.Elapsed >= away);
        AssertBothHearOne(await asking, "timed", seconds);
        await AssertExecutionsAsync("timed", "ended");
        Assert.Equal("0", (await _postgres.QueryAsync(_database, "SELECT count(*) FROM builds WHERE ended IS NULL")).Trim());
    }

    // It is built at the first server, and waited for at the second.
    private Task<CommandResult[]> AskBoth(string[] options)
    {
        var first = BuildAsync(_here, "timed", options);
        WaitForState(_here, "running", first);
        var second = BuildAsync(_there, "timed", options);
        WaitForState(_there, "elsewhere", second);
        return Task.WhenAll(first, second);
    }

    private void AssertBothHearOne(CommandResult[] results, string name, string[] options)
    {
        var number = AssertOneExecution(_here, results[0], name, options);
        Assert.Equal(number, AssertOneExecution(_there, results[1], name, options));
        foreach (var result in results)
        {
            Assert.Equal([$"{name} begins", $"{name} is {number}"], Printed(result, name + " "));
        }

        Assert.True(AssertWhole(_here, name, options));
        AssertNothingLeft(_here, _there);
    }

    private async Task AssertExecutionsAsync(string name, params string[] expected) =>
        Assert.Equal(expected, Words(await _postgres.QueryAsync(_database, ExecutionsQuery(name))));

    // To every process of the database, by its id.
    private void Signal(string signal)
    {
        var main = File.ReadLines(_postgres.SocketDirectory + "/data/postmaster.pid").First();
        Command.Run("kill", [signal, main, .. Command.Run("pgrep", "--parent", main).Lines()]).Succeeded();
    }
}
