using System.Globalization;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.Builds;

/// <summary>Builders that leave odd things, print without end or break off: each ends as under a stock daemon, and nothing of it is left.</summary>
public sealed class HostileBuilderTests : EndToEndTest, IClassFixture<BuildServer>
{
    private static readonly bool s_isLong = Environment.GetEnvironmentVariable("NIXFUSE_TEST_LONG") == "1";

    private static readonly TimeSpan SweptWithin = TimeSpan.FromSeconds(20);

    private readonly BuildServer _shared;
    private readonly string _salt = Guid.NewGuid().ToString("N");
    private readonly NixRelease _release;

    public HostileBuilderTests(BuildServer shared)
    {
        foreach (var program in (string[])["nix-daemon", "nix-store", "nix-build"])
        {
            Programs.Require(program);
        }

        _shared = shared;
        _release = NixRelease.Open(NixRelease.Bookworm);
    }

    [Fact]
    public void RefusedOutputsAndBrokenBuilders_AreToldAsByAStockDaemon_AndNothingIsRegistered()
    {
        var (stock, store) = (Stock(), Store(Mount()));
        (string Attribute, string Words, string[] Options)[] refused =
        [
            // The builder itself is the first process of its namespace, which no signal of its own ends.
            ("crash", "failed with exit code 139", []),
            ("forbidden", "is not allowed to refer to the following paths", []),
            ("talkative", "killed after writing more than 2000000 bytes of log output", ["--option", "max-build-log-size", "2000000"]),
            ("linked", "failed with exit code 1", []),
        ];
        var before = Objects(store);
        foreach (var (attribute, words, options) in refused)
        {
            var (expected, failed) = (stock.Build(attribute, options), store.Build(attribute, options));

            Assert.Equal(expected.Status, failed.Status);
            Assert.Contains(words, expected.Errors, StringComparison.Ordinal);
            Assert.Equal(ErrorLines(expected), ErrorLines(failed));
            AssertNothingMade(store, attribute);
        }

        // The real store of the stock daemon has no Python here; what it says of a pipe it says of a socket.
        var socket = store.Build("socket", "--argstr", "python", _shared.Tools.Python);
        Assert.NotEqual(0, socket.Status);
        Assert.Contains("/door' has an unsupported type", socket.Errors, StringComparison.Ordinal);

        Assert.Equal(before, Objects(store));
        AssertNothingLeft();
    }

    [Fact]
    public void OddOutputs_AreRegisteredAsByAStockDaemon()
    {
        var (stock, store) = (Stock(), Store(Mount()));
        foreach (var attribute in (string[])["closed", "device"])
        {
            AssertSameOutput(stock, store, attribute);
        }

        Assert.Equal("refused\n", File.ReadAllText(store.Real(store.Output("device")) + "/answer"));
        AssertNothingLeft();
    }

    /// <summary>Names that are not UTF-8, and folders in each other that no path reaches.</summary>
    [Theory]
    [InlineData("oddNames", true)]
    [InlineData("deep", false)]
    public void NamesThatFewProgramsTake_AreAsUnderAStockDaemon_AndLeaveNothing(string attribute, bool succeeds)
    {
        var (stock, store) = (Stock(), Store(Mount()));
        if (succeeds)
        {
            AssertSameOutput(stock, store, attribute);
        }
        else
        {
            var (expected, failed) = (stock.Build(attribute), store.Build(attribute));
            Assert.Equal(expected.Status, failed.Status);
            Assert.Equal(ErrorLines(expected).Select(line => line.Replace(_shared.StockRoot, "", StringComparison.Ordinal)), ErrorLines(failed));
            AssertNothingMade(store, attribute);
        }

        AssertNothingLeft();
    }

    /// <summary>Bounded, as it runs on a machine that does other things.</summary>
    [Fact]
    public void ManyChildrenThatOutliveTheirBuilder_AreGoneWithIt()
    {
        var store = Store(Mount());
        Assert.Equal("done\n", File.ReadAllText(store.Real(store.Build("manyChildren").Lines().Single())));
        AssertNothingLeft();
    }

    [Fact]
    public void PathsBesideTheOutputs_AreNeitherValidNorSeen()
    {
        var host = Mount();
        string[] strays = ["/nix/store/" + new string('a', 32) + "-stray", "/nix/store/.stray", "/nix/store/stray", _shared.Tools.Bash + "/bin/stray"];
        var store = Store(host, strays);
        store.Build("stray").Succeeded();
        foreach (var path in strays)
        {
            Assert.False(Path.Exists(store.Real(path)), path);
        }

        Assert.DoesNotContain(store.AllPaths(), static path => path.EndsWith("-stray", StringComparison.Ordinal) && path[11] == 'a');
        AssertNothingLeft();
    }

    [Fact]
    public void LineWithoutEnd_EndsTheBuild_AndTheMountServesOn()
    {
        var store = Store(Mount());
        var failed = store.Build("longLine", "--arg", "count", s_isLong ? "1200" : "100");
        Assert.NotEqual(0, failed.Status);
        Assert.Matches("printed a line that is too long|bytes of log output", failed.Errors);
        AssertNothingMade(store, "longLine", "--arg", "count", s_isLong ? "1200" : "100");
        store.Build("independent").Succeeded();
        AssertNothingLeft();
    }

    /// <summary>In the long form more than a gigabyte of log, which is the most that a mount takes, and an output of five, in which nothing is written.</summary>
    [Fact]
    public void HugeLogAndHugeOutput_EachEnds()
    {
        var store = Store(Mount());
        var (lines, limit, megabytes) = s_isLong ? ("1200", "0", 5120L) : ("30", "20000000", 300L);
        var failed = store.Build("talkative", "--arg", "count", lines, "--option", "max-build-log-size", limit);
        Assert.NotEqual(0, failed.Status);
        Assert.Contains($"killed after writing more than {(s_isLong ? "1073741824" : limit)} bytes of log output", failed.Errors, StringComparison.Ordinal);
        string huge = store.Build("sparse", "--arg", "count", megabytes.ToString(CultureInfo.InvariantCulture)).Lines().Single();
        Assert.Equal(megabytes << 20, new FileInfo(store.Real(huge)).Length);
        AssertNothingLeft();
    }

    private ClientHost Mount()
    {
        var host = NewClient(_shared.Server, "here", mountName: "nix");
        host.Mount();
        return host;
    }

    private BuildingStore Store(ClientHost host, params string[] hidden) =>
        new(new NixClient(_release, Scratch), Path.GetDirectoryName(host.MountPoint)!, _shared.Tools, _salt) { Hidden = hidden };

    private BuildingStore Stock() =>
        new(new NixClient(_release, Scratch), _shared.StockRoot, _shared.Tools, _salt) { Configuration = "sandbox = true" };

    private static void AssertSameOutput(BuildingStore stock, BuildingStore store, string attribute)
    {
        var path = store.Build(attribute).Lines().Single();
        Assert.Equal(stock.Build(attribute).Lines().Single(), path);
        Assert.Equal(HashOf(stock, path), HashOf(store, path));
        Assert.Equal(HashOf(stock, path).Trim(), "sha256:" + Command.Run("nix-hash", "--type", "sha256", "--base32", store.Real(path)).Succeeded().Trim());
    }

    private static string HashOf(BuildingStore store, string path) => store.Run("nix-store", "--query", "--hash", path).Succeeded();

    private static void AssertNothingMade(BuildingStore store, string attribute, params string[] options)
    {
        var output = store.Output(attribute, options);
        Assert.False(store.IsValid(output), attribute);
        Assert.False(Path.Exists(store.Real(output)), attribute);
    }

    // All that is valid but derivations.
    private static IEnumerable<string> Objects(BuildingStore store) => store.AllPaths().Where(static path => !path.EndsWith(".drv", StringComparison.Ordinal));

    // Neither processes nor what lay on the disk.
    private void AssertNothingLeft()
    {
        BuilderProcesses.AssertGone(_salt);
        var cells = Path.Combine(Folder, "here/cache/builds");
        Eventually.Within(SweptWithin, "the cells are gone", () => !Directory.Exists(cells) || !Directory.EnumerateDirectories(cells).Any());
    }

    private static string[] ErrorLines(CommandResult result) => [.. result.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .SkipWhile(static line => !line.StartsWith("error:", StringComparison.Ordinal))];
}
