using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.Builds;

/// <summary>Several hosts that are asked for the same derivations: each is built once, and all hear the same, whatever is killed meanwhile.</summary>
public sealed partial class FleetTests : EndToEndTest
{
    private static readonly bool s_isLong = Environment.GetEnvironmentVariable("NIXFUSE_TEST_LONG") == "1";

    private readonly string _salt = Guid.NewGuid().ToString("N");
    private readonly BuildTools _tools;
    private readonly ServerProcess _server;

    public FleetTests()
    {
        foreach (var program in (string[])["nix-daemon", "nix-store", "nix-build"])
        {
            Programs.Require(program);
        }

        _tools = new BuildTools(RealStore.Default);
        _server = StartServer();
        NewClient(_server, "tools").Push(_tools.Source, _tools.Bash, _tools.Coreutils);
    }

    [Fact]
    public async Task TwoHosts_OneExecution_TheSameResultAndLog()
    {
        var (here, there) = (Mount("here"), Mount("there"));
        var results = await Task.WhenAll(BuildAsync(here, "pair"), BuildAsync(there, "pair"));
        var number = AssertPair(here, results[0]);
        foreach (var (host, result) in (ReadOnlySpan<(ClientHost, CommandResult)>)[(here, results[0]), (there, results[1])])
        {
            Assert.Equal(number, AssertPair(host, result));
            Assert.Equal(["pair begins", number], Printed(result, "pair", number));
        }

        Assert.Equal(["pair"], Executions());
    }

    [Fact]
    public async Task Failure_IsBuiltOnce_AndToldToAll()
    {
        var results = await Task.WhenAll(BuildAsync(Mount("here"), "brokenSlowly"), BuildAsync(Mount("there"), "brokenSlowly"));
        Assert.All(results, static result => Assert.Contains("failed with exit code 3", result.Errors, StringComparison.Ordinal));
        Assert.All(results, static result => Assert.Contains("line 12 of broken", result.Errors, StringComparison.Ordinal));
        Assert.Equal(["broken-slowly"], Executions());
    }

    [Fact]
    public async Task OwnerKilled_AnotherHostBuildsIt()
    {
        var (here, there) = (Mount("here"), Mount("there"));
        var first = BuildAsync(here, "slow");
        Eventually.Holds("it runs here", () => StateOf(here) == "running");
        var second = BuildAsync(there, "slow");
        Eventually.Holds("it is waited for there", () => StateOf(there) == "elsewhere");

        here.KillDaemon();

        Assert.NotEqual(0, (await first).Status);
        var result = await second;
        var output = result.Lines().Single();
        Assert.Contains("line 8 of slow", result.Errors, StringComparison.Ordinal);
        Assert.Contains(File.ReadAllText(there.Real(output)).Trim(), result.Errors, StringComparison.Ordinal);
        Assert.Equal(["slow", "slow"], Executions());
    }

    [Fact]
    public async Task WhoAskedFirstLeaves_TheOthersKeepTheExecution()
    {
        var (here, there) = (Mount("here"), Mount("there"));
        using var first = Store(here).StartBuild("slow");
        Eventually.Holds("it runs here", () => StateOf(here) == "running");
        var second = BuildAsync(there, "slow");
        Eventually.Holds("it is waited for there", () => StateOf(there) == "elsewhere");

        first.Kill();
        await first.WaitForExitAsync(TestContext.Current.CancellationToken);

        // Every line once, and of one execution.
        var lines = Printed(await second, "line");
        Assert.Equal(Enumerable.Range(1, 8).Select(static i => $"line {i} of slow"), lines);
        Assert.Equal(["slow"], Executions());
    }

    [Fact]
    public async Task ServerKilled_TheBuildGoesOn_AndItsFollowersToo()
    {
        var (here, there) = (Mount("here"), Mount("there"));
        var first = BuildAsync(here, "slow");
        Eventually.Holds("it runs here", () => StateOf(here) == "running");
        var second = BuildAsync(there, "slow");
        Eventually.Holds("it is waited for there", () => StateOf(there) == "elsewhere");
        BuilderProcesses.WaitFor(_salt, count: 1, () => first.IsCompleted);

        _server.Kill();
        await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
        _server.Start();

        var results = await Task.WhenAll(first, second);
        foreach (var result in results)
        {
            result.Succeeded();
            Assert.Equal(Enumerable.Range(1, 8).Select(static i => $"line {i} of slow"), Printed(result, "line"));
        }

        Assert.Equal(File.ReadAllText(here.Real(results[0].Lines().Single())), File.ReadAllText(there.Real(results[1].Lines().Single())));
        Assert.Empty(Executions());
    }

    [Fact]
    public async Task CancelledByAnAdministrator_EndsForAll()
    {
        var (here, there) = (Mount("here"), Mount("there"));
        var first = BuildAsync(here, "endless");
        Eventually.Holds("it runs here", () => StateOf(here) == "running");
        var second = BuildAsync(there, "endless");
        Eventually.Holds("it is waited for there", () => StateOf(there) == "elsewhere");
        using var listed = JsonDocument.Parse(_server.Run("build", "list", "main", "--json").Succeeded());
        var build = listed.RootElement.GetProperty("builds").EnumerateArray().Single();
        Assert.Equal(1, build.GetProperty("waiters").GetInt32());

        _server.Run("build", "cancel", "main", build.GetProperty("number").GetRawText()).Succeeded();

        foreach (var result in await Task.WhenAll(first, second))
        {
            Assert.NotEqual(0, result.Status);
            Assert.Contains("was cancelled by an administrator", result.Errors, StringComparison.Ordinal);
        }

        BuilderProcesses.AssertGone(_salt);
        Assert.Equal(["endless"], Executions());
    }

    /// <summary>Hosts ask for one graph at the same time, and one of them is killed in the midst of it.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Graph_OfAllHosts_EachStepOnce(bool kills)
    {
        var (hostCount, count) = s_isLong ? (10, 50) : (3, 8);
        var hosts = Enumerable.Range(0, hostCount).Select(i => Mount($"host-{i}", "--max-jobs", "1")).ToArray();
        string[] options = ["--arg", "count", count.ToString(CultureInfo.InvariantCulture)];
        var asking = new List<Task<CommandResult>> { BuildAsync(hosts[0], "graph", options) };
        if (kills)
        {
            Eventually.Holds("the first host builds", () => StateOf(hosts[0]) is not null);
        }

        asking.AddRange(hosts.Skip(1).Select(host => BuildAsync(host, "graph", options)));
        if (kills)
        {
            Eventually.Holds("the others wait", () => StateOf(hosts[1]) is not null);
            hosts[0].KillDaemon();
        }

        var results = await Task.WhenAll(asking);
        var living = results.Skip(kills ? 1 : 0).ToArray();
        var outputs = living.Select(static result => result.Lines().Single()).ToArray();
        Assert.Single(outputs.Distinct());
        Assert.Single(hosts.Skip(kills ? 1 : 0).Select(host => File.ReadAllText(host.Real(outputs[0]))).Distinct());

        // Each step once, but for one that the killed host was building.
        var executions = Executions();
        Assert.Equal(count + 1, executions.Distinct().Count());
        Assert.InRange(executions.Length, count + 1, count + (kills ? 2 : 1));

        // Hosts that waited for a step heard all of it, and the same; a host that came when it was built heard nothing of it.
        for (var node = 0; !kills && node < count; node++)
        {
            string[] heard = [.. living.Select(result => string.Join('\n', Printed(result, $"node {node} "))).Where(static lines => lines.Length > 0).Distinct()];
            Assert.Equal(2, Assert.Single(heard).Split('\n').Length);
        }
    }

    /// <summary>A host with one slot is asked for several steps at once: another one builds some of them.</summary>
    [Fact]
    public async Task FreeSlots_OfAnotherHost_AreUsed()
    {
        var (here, there, _) = (Mount("here", "--max-jobs", "1"), Mount("there", "--max-jobs", "1"), Mount("closed", "--max-jobs", "1", "--no-fleet-builds"));
        var built = BuildAsync(here, "steps", "--arg", "count", "6", "--argstr", "seconds", "2");
        Eventually.Holds("the other host builds", () => StateOf(there) == "running" && StateOf(here) is not null);
        var output = (await built).Lines().Single();
        Eventually.Holds("the other host has it", () => File.Exists(there.Real(output)));
        Assert.Equal(["step-0", "step-1", "step-2", "step-3", "step-4", "step-5", "steps"], Executions());
    }

    /// <summary>Steps that end before anyone asks again, one of which fails: each is built once, and all are told.</summary>
    [Fact]
    public async Task FreeSlots_ShortSteps_EachOnce()
    {
        var hosts = Enumerable.Range(0, 3).Select(i => Mount($"host-{i}", "--max-jobs", "1")).ToArray();
        var results = await Task.WhenAll(hosts.Select(host => BuildAsync(host, "steps", "--arg", "count", "10", "--argstr", "seconds", "0.1")));
        Assert.Single(results.Select(static result => result.Lines().Single()).Distinct());
        var failed = await BuildAsync(hosts[0], "severalBroken", "--keep-going");
        Assert.Equal(4, Printed(failed, "error: builder for").Length);
        Assert.Equal(
            [.. Enumerable.Range(0, 4).Select(static i => $"bad-{i}"), .. Enumerable.Range(0, 10).Select(static i => $"step-{i}"), "steps"],
            Executions());
    }

    /// <summary>A token without the right to build takes nothing; one with it does.</summary>
    [Fact]
    public async Task FreeSlots_AreOfferedByThoseAloneWhoseTokenMayBuild()
    {
        string Token(string rights) => _server.Run("token", "create", "--rights", rights, "--store", "main").Succeeded().Trim();
        var here = Mount("here", Token("write"), "--max-jobs", "1");
        var writer = Mount("writer", Token("write"));
        var built = BuildAsync(here, "steps", "--arg", "count", "4", "--argstr", "seconds", "2");
        Eventually.Holds("it runs here", () => StateOf(here) == "running");
        await Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
        Assert.Null(StateOf(writer));
        var builder = Mount("builder", Token("build"));
        Eventually.Holds("the host that may builds", () => StateOf(builder) == "running");
        (await built).Succeeded();
    }

    [GeneratedRegex(@"build (\d+) of \w{32}-(\S+)\.drv begins on")]
    private static partial Regex Begins();

    [GeneratedRegex(@"build (\d+) is given up")]
    private static partial Regex GivenUp();

    // Names of all that was begun since the server started; it ends. A host that has taken a step and then has no slot for it gives it up.
    private string[] Executions()
    {
        _server.Stop();
        var given = GivenUp().Matches(_server.Log).Select(static match => match.Groups[1].Value).ToHashSet();
        return
        [
            .. Begins().Matches(_server.Log).Where(match => !given.Contains(match.Groups[1].Value))
                .Select(static match => match.Groups[2].Value).Order(StringComparer.Ordinal),
        ];
    }

    private ClientHost Mount(string name, params string[] arguments)
    {
        var host = NewClient(_server, name, mountName: "nix");
        if (arguments is [{ } token, ..] && !token.StartsWith('-'))
        {
            (host.Token, arguments) = (token, arguments[1..]);
        }

        host.MountArguments.AddRange(arguments);
        host.Mount();
        return host;
    }

    private BuildingStore Store(ClientHost host) =>
        new(new NixClient(NixRelease.Open(NixRelease.Bookworm), Scratch), Path.GetDirectoryName(host.MountPoint)!, _tools, _salt);

    private Task<CommandResult> BuildAsync(ClientHost host, string attribute, params string[] options) =>
        Task.Run(() => Store(host).Build(attribute, options), TestContext.Current.CancellationToken);

    private static string? StateOf(ClientHost host)
    {
        using var report = JsonDocument.Parse(host.Run("builds", "--json").Succeeded());
        return report.RootElement.GetProperty("builds").EnumerateArray()
            .Where(build => build.GetProperty("mountPoint").GetString() == host.MountPoint)
            .Select(static build => build.GetProperty("state").GetString()).FirstOrDefault();
    }

    private static string[] Printed(CommandResult result, params string[] beginnings) =>
        [.. result.Errors.Split('\n').Where(line => beginnings.Any(beginning => line.StartsWith(beginning, StringComparison.Ordinal)))];

    // Both outputs are of one execution.
    private static string AssertPair(ClientHost host, CommandResult result)
    {
        var output = result.Lines().Single();
        var number = File.ReadAllText(host.Real(output)).Trim();
        var dev = Directory.GetFiles(host.Store, "*-pair-dev").Single();
        Assert.Equal(number, File.ReadAllText(dev).Trim());
        return number;
    }
}
