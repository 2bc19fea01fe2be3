using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.Builds;

/// <summary>Hosts that build while tokens, disks, clients, mounts and servers fail: what was built becomes valid as a whole, or not at all.</summary>
public sealed class FleetFaultTests : FleetTest
{
    // So large that what sends it can be met at it.
    private static readonly string[] s_big = ["--arg", "count", IsLong ? "600" : "80"];

    private readonly ServerProcess _server;

    public FleetFaultTests() => _server = StartServer();

    [Fact]
    public async Task TokenRevoked_OneLineForTheClient_AndAnotherHostBuildsIt()
    {
        string Token(string label) => _server.Run("token", "create", "--rights", "build", "--store", "main", "--label", label).Succeeded().Trim();
        var (first, second) = (Token("first"), Token("second"));
        PushTools(_server, second);
        var (here, there) = (Mount(_server, "here", first, []), Mount(_server, "there", second, []));
        string[] seconds = ["--argstr", "seconds", "6"];
        var revoked = BuildAsync(here, "timed", seconds);
        WaitForState(here, "running", revoked);
        // One that waits for what it has not got to build itself.
        var following = BuildAsync(there, "timed", seconds);
        WaitForState(there, "elsewhere", following);

        _server.Run("token", "revoke", "1").Succeeded();

        Assert.Contains("does not accept the token", ErrorOf(await revoked), StringComparison.Ordinal);
        var result = await following;
        Assert.Equal([AssertOneExecution(there, result, "timed", seconds)], Printed(result, "timed is ").Select(static line => line["timed is ".Length..]));
        Assert.Equal(["lost", "ended"], Executions(_server, "timed"));
        AssertNothingLeft(here, there);
    }

    [Fact]
    public async Task TokenOfOneThatWaitsRevoked_OneLineForTheClient_AndTheOwnerBuildsOn()
    {
        string Token(string label) => _server.Run("token", "create", "--rights", "build", "--store", "main", "--label", label).Succeeded().Trim();
        var (first, second) = (Token("first"), Token("second"));
        PushTools(_server, second);
        var (here, there) = (Mount(_server, "here", second, []), Mount(_server, "there", first, []));
        string[] seconds = ["--argstr", "seconds", "8"];
        var built = BuildAsync(here, "timed", seconds);
        WaitForState(here, "running", built);
        var revoked = BuildAsync(there, "timed", seconds);
        WaitForState(there, "elsewhere", revoked);

        _server.Run("token", "revoke", "1").Succeeded();

        Assert.Contains("does not accept the token", ErrorOf(await revoked), StringComparison.Ordinal);
        AssertOneExecution(here, await built, "timed", seconds);
        Assert.Equal(["ended"], Executions(_server, "timed"));
    }

    [Fact]
    public async Task BuildDiskFull_IsNotTheBuildersFault_AndAnotherHostBuildsIt()
    {
        PushTools(_server);
        using var disk = new SmallDisk(Path.Combine(Folder, "disk"), megabytes: 40);
        var (here, there) = (Mount(_server, "here", "--build-dir", disk.Folder), Mount(_server, "there"));

        // 1. The builder fills it.
        var first = BuildAsync(here, "big", s_big);
        WaitForState(here, "running", first);
        var second = BuildAsync(there, "big", s_big);
        var failed = await first;
        Assert.NotEqual(0, failed.Status);
        Assert.Matches("(?i)no space left|disk space", failed.Errors);
        (await second).Succeeded();
        Assert.True(AssertWhole(there, "big", s_big));
        Eventually.Holds("the host that failed has it", () => AssertWhole(here, "big", s_big));

        // 2. It is full before.
        disk.Fill();
        var error = ErrorOf(await BuildAsync(here, "independent"));
        Assert.Contains("No space left", error, StringComparison.Ordinal);
        Assert.DoesNotContain("builder for", error, StringComparison.Ordinal);
        (await BuildAsync(there, "independent")).Succeeded();
        Eventually.Holds("the host that failed has it", () => AssertWhole(here, "independent"));

        // 3. There is space again.
        disk.Free();
        AssertOneExecution(here, await BuildAsync(here, "timed"), "timed");
        BuilderProcesses.AssertGone(Salt);
        Eventually.Holds("the cells are gone", () => !Directory.EnumerateDirectories(disk.Folder + "/nixfuse-builds").Any());
    }

    /// <summary>What is in the cache has its space; what is built has none beside it.</summary>
    [Fact]
    public async Task CacheDiskFull_TheHostSaysSo_AndServesOn()
    {
        PushTools(_server);
        var host = NewClient(_server, "here", mountName: "nix");
        using var disk = new SmallDisk(host.CacheDirectory, megabytes: 80);
        host.Mount();
        (await BuildAsync(host, "independent")).Succeeded();
        disk.Fill();

        var failed = await BuildAsync(host, "timed");
        Assert.NotEqual(0, failed.Status);
        Assert.Contains("No space left", failed.Errors, StringComparison.Ordinal);
        Assert.Equal("done\n", File.ReadAllText(host.Real(Store(host).Output("independent"))));

        disk.Free();
        AssertOneExecution(host, await BuildAsync(host, "timed"), "timed");
        AssertNothingLeft(host);
    }

    /// <summary>While it waits for a slot, and while outputs are sent; while the builder runs, see <see cref="BuildTests"/>.</summary>
    [Fact]
    public async Task ClientKilled_InEachPhase_TheNextOneGetsIt()
    {
        PushTools(_server);
        var host = Mount(_server, "here", "--max-jobs", "1", "--no-fleet-builds");

        // 1. Queued.
        using var busy = Store(host).StartBuild("endless");
        Eventually.Holds("the slot is taken", () => StateOf(host) == "running");
        using (var queued = Store(host).StartBuild("timed"))
        {
            Eventually.Holds("both are asked for", () => Waiting() == 2);
            Kill(queued);
            Eventually.Holds("it is not asked for any more", () => Waiting() == 1);
        }

        Kill(busy);
        AssertOneExecution(host, await BuildAsync(host, "timed"), "timed");
        Assert.Equal(["ended"], Executions(_server, "timed"));

        // 2. Its outputs are sent.
        using (var sending = Store(host).StartBuild("big", s_big))
        {
            WaitUntilSent(() => sending.HasExited);
            Kill(sending);
        }

        AssertWhole(host, "big", s_big);
        (await BuildAsync(host, "big", s_big)).Succeeded();
        Assert.True(AssertWhole(host, "big", s_big));
        AssertNothingLeft(host);

        int Waiting() => host.Run("builds").Succeeded().Split('\n').Count(line => line.Contains("-endless.drv", StringComparison.Ordinal) || line.Contains("-timed.drv", StringComparison.Ordinal));
    }

    /// <summary>While the builder runs, see <see cref="FleetTests"/>.</summary>
    [Fact]
    public async Task MountKilled_WhileOutputsAreSent_AnotherHostBuildsIt()
    {
        PushTools(_server);
        var (here, there) = (Mount(_server, "here"), Mount(_server, "there"));
        var first = BuildAsync(here, "big", s_big);
        WaitForState(here, "running", first);
        var second = BuildAsync(there, "big", s_big);
        WaitUntilSent(() => first.IsCompleted);

        here.KillDaemon();

        Assert.NotEqual(0, (await first).Status);
        Assert.False(AssertWhole(there, "big", s_big));
        (await second).Succeeded();
        Assert.True(AssertWhole(there, "big", s_big));
        Assert.Equal(["lost", "ended"], Executions(_server, "big"));
        AssertNothingLeft(there);
    }

    [Fact]
    public async Task ServerKilled_WhileOutputsAreSent_AllOfThemAreRegisteredOnce()
    {
        PushTools(_server);
        var (here, there) = (Mount(_server, "here"), Mount(_server, "there"));
        var first = BuildAsync(here, "big", s_big);
        WaitForState(here, "running", first);
        var second = BuildAsync(there, "big", s_big);
        WaitUntilSent(() => first.IsCompleted);

        _server.Kill();
        _server.Start();

        var results = await Task.WhenAll(first, second);
        Assert.Equal(results[0].Lines(), results[1].Lines());
        Assert.True(AssertWhole(here, "big", s_big));
        Assert.True(AssertWhole(there, "big", s_big));
        Assert.Equal(["ended"], Executions(_server, "big"));
        AssertNothingLeft(here, there);
    }

    // Returns in the middle of it, or when there is nothing to wait for any more.
    private void WaitUntilSent(Func<bool> hasEnded)
    {
        const long Some = 16 << 20;
        var before = Bytes();
        Eventually.Holds("outputs are sent", () => Bytes() > before + Some || hasEnded());
        Assert.False(hasEnded(), "it was too quick to be met");

        long Bytes() => new DirectoryInfo(_server.DataDirectory).EnumerateFiles("*", SearchOption.AllDirectories).Sum(static file => file.Exists ? file.Length : 0);
    }

    private static void Kill(System.Diagnostics.Process process)
    {
        process.Kill();
        process.WaitForExit();
    }
}
