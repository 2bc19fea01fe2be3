using System.Globalization;
using System.Text.Json;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.Builds;

/// <summary>Several hosts that build for one store, with what a test sees of their executions. A derivation is new to each test.</summary>
public abstract class FleetTest : EndToEndTest
{
    /// <summary>Skips the test where the machine lacks a stock Nix.</summary>
    protected FleetTest()
    {
        foreach (var program in (string[])["nix-daemon", "nix-store", "nix-build", "sqlite3"])
        {
            Programs.Require(program);
        }

        Tools = new BuildTools(RealStore.Default);
    }

    private protected static bool IsLong { get; } = Environment.GetEnvironmentVariable("NIXFUSE_TEST_LONG") == "1";

    private protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private protected string Salt { get; } = Guid.NewGuid().ToString("N");

    internal BuildTools Tools { get; }

    /// <summary>Gives the store of a server what builders.nix needs.</summary>
    internal void PushTools(ServerProcess server, string? token = null)
    {
        var client = NewClient(server, "tools");
        client.Token = token;
        client.Push(Tools.Source, Tools.Bash, Tools.Coreutils);
    }

    internal ClientHost Mount(ServerProcess server, string name, params string[] arguments) => Mount(server, name, token: null, arguments);

    internal ClientHost Mount(ServerProcess server, string name, string? token, string[] arguments)
    {
        var host = NewClient(server, name, mountName: "nix");
        host.Token = token;
        host.MountArguments.AddRange(arguments);
        host.Mount();
        return host;
    }

    /// <summary>What asks the host.</summary>
    /// <param name="host">The host.</param>
    /// <param name="salt">Another one where a test has the same attribute built several times.</param>
    internal BuildingStore Store(ClientHost host, string? salt = null) =>
        new(new NixClient(NixRelease.Open(NixRelease.Bookworm), Scratch), Path.GetDirectoryName(host.MountPoint)!, Tools, salt ?? Salt);

    internal Task<CommandResult> BuildAsync(ClientHost host, string attribute, params string[] options) =>
        Task.Run(() => Store(host).Build(attribute, options), Cancellation);

    /// <summary>How far the host is with the one derivation that it is asked for; null where it is asked for none.</summary>
    internal static string? StateOf(ClientHost host)
    {
        using var report = JsonDocument.Parse(host.Run("builds", "--json").Succeeded());
        return report.RootElement.GetProperty("builds").EnumerateArray()
            .Where(build => build.GetProperty("mountPoint").GetString() == host.MountPoint)
            .Select(static build => build.GetProperty("state").GetString()).FirstOrDefault();
    }

    internal static void WaitForState(ClientHost host, string state, Task asking) =>
        Eventually.Holds($"it is {state}", () => StateOf(host) == state || asking.IsCompleted);

    /// <summary>The executions of derivations of one name, and how each is or ended, in the order of their numbers.</summary>
    internal static string[] Executions(ServerProcess server, string name) =>
        Words(Command.Run("sqlite3", "-readonly", server.DataDirectory + "/metadata.sqlite", ExecutionsQuery(name)).Succeeded());

    private protected static string ExecutionsQuery(string name) => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        SELECT CASE state WHEN 0 THEN 'running' WHEN 1 THEN 'ended' WHEN 2 THEN 'given up' WHEN 3 THEN 'lost' WHEN 4 THEN 'cancelled' ELSE 'queued' END
        FROM builds WHERE substr(base_name, 34) = '{name}.drv' ORDER BY id
        """);

    private protected static string[] Words(string lines) => lines.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    internal static string[] Printed(CommandResult result, string beginning) =>
        [.. result.Errors.Split('\n').Where(line => line.StartsWith(beginning, StringComparison.Ordinal))];

    /// <summary>The last error that a client was told.</summary>
    internal static string ErrorOf(CommandResult result)
    {
        Assert.NotEqual(0, result.Status);
        return Assert.Single(result.Errors.Split('\n'), static line => line.StartsWith("error:", StringComparison.Ordinal));
    }

    /// <summary>Both outputs hold what one execution printed, on the host that was asked; returns it.</summary>
    internal string AssertOneExecution(ClientHost host, CommandResult result, string name, params string[] options)
    {
        result.Succeeded();
        var contents = Store(host).Outputs(name, options).Select(path => File.ReadAllText(host.Real(path)).Trim()).ToArray();
        Assert.Equal(2, contents.Length);
        Assert.Single(contents.Distinct());
        return contents[0];
    }

    /// <summary>All outputs are valid, or none; and those that are have the bytes that were registered.</summary>
    internal bool AssertWhole(ClientHost host, string attribute, params string[] options)
    {
        var store = Store(host);
        var outputs = store.Outputs(attribute, options);
        var valid = outputs.Where(store.IsValid).ToArray();
        Assert.True(valid.Length == 0 || valid.Length == outputs.Length, $"{valid.Length} of {outputs.Length} outputs are valid");
        if (valid.Length == 0)
        {
            return false;
        }

        store.Run(["nix-store", "--verify-path", .. valid]).Succeeded();
        return true;
    }

    /// <summary>Nothing runs in the cells of hosts, and none is left on their disks.</summary>
    internal void AssertNothingLeft(params ClientHost[] hosts)
    {
        BuilderProcesses.AssertGone(Salt);
        foreach (var host in hosts)
        {
            var cells = Path.Combine(host.CacheDirectory, "builds");
            Eventually.Holds("the cells are gone", () => !Directory.Exists(cells) || !Directory.EnumerateDirectories(cells).Any());
        }
    }
}
