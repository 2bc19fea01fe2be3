using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.Builds;

/// <summary>Derivations that stock Nix has built through a mount's socket, and what is left when one of the processes is killed.</summary>
public sealed class BuildTests : EndToEndTest, IClassFixture<BuildServer>
{
    private static readonly TimeSpan CommandEndsWithin = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan SweptWithin = TimeSpan.FromSeconds(15);

    private readonly BuildServer _shared;
    private readonly string _salt = Guid.NewGuid().ToString("N");

    public BuildTests(BuildServer shared)
    {
        foreach (var program in (string[])["nix-daemon", "nix-store", "nix-build"])
        {
            Programs.Require(program);
        }

        _shared = shared;
    }

    public static TheoryData<string> Suites => NixRelease.Suites;

    /// <summary>Who asks and who builds: each release once as either, and in the long form each with each.</summary>
    public static TheoryData<string, string> ClientsAndEngines
    {
        get
        {
            var isLong = Environment.GetEnvironmentVariable("NIXFUSE_TEST_LONG") == "1";
            string[] suites = [NixRelease.Bookworm, NixRelease.Trixie, NixRelease.Sid];
            var pairs = new TheoryData<string, string>();
            for (var i = 0; i < suites.Length; i++)
            {
                for (var j = 0; j < suites.Length; j++)
                {
                    if (isLong || j == (i + 1) % suites.Length)
                    {
                        pairs.Add(suites[i], suites[j]);
                    }
                }
            }

            return pairs;
        }
    }

    [Theory]
    [MemberData(nameof(ClientsAndEngines))]
    public void Project_IsBuiltByEveryRelease_AndValidOnEveryHost(string suite, string engine)
    {
        var release = NixRelease.Open(suite);
        Programs.Require("bwrap");
        string[] engineArguments = NixRelease.Open(engine).InstallInto(Folder + "/engine") is { } nix ? ["--build-nix", nix] : [];
        var (here, there) = (Mount("here", ["--max-jobs", "2", .. engineArguments]), Mount("there"));
        var (builder, reader) = (Store(here, release), Store(there, release));

        // 1. It is built once, and its programs run from the mount.
        var built = builder.BuildProject("all");
        var all = built.Lines().Single();
        Assert.Contains("building check", built.Errors, StringComparison.Ordinal);
        AssertProgramsRun(here, all);

        // 2. Nothing of it is built again.
        var again = builder.BuildProject("all");
        Assert.Equal(all, again.Lines().Single());
        Assert.DoesNotContain("building", again.Errors, StringComparison.Ordinal);

        // 3. Another host has it too, with the bytes that were registered.
        Eventually.Holds("the other host has it", () => reader.IsValid(all));
        var tools = _shared.Tools.Source.AllPaths().ToHashSet();
        var made = reader.Run("nix-store", "--query", "--requisites", all).Lines().Where(path => !tools.Contains(path)).ToArray();
        Assert.Equal(
            [
                "all", "archive", "check", "graph", "library", "package", "program", "report",
                "split", "split-doc", "stamp", "structured", "structured-dev", "words-" + _salt,
            ],
            made.Select(static path => path["/nix/store/".Length..][33..]).Order(StringComparer.Ordinal));
        reader.Run(["nix", "store", "verify", "--no-trust", .. made]).Succeeded();
        AssertProgramsRun(there, all);

        // 4. What the builders printed is kept, for both.
        var derivation = builder.InstantiateProject("check");
        foreach (var store in (BuildingStore[])[builder, reader])
        {
            Assert.Equal("building check\n", store.Run("nix-store", "--read-log", derivation).Succeeded());
            Assert.Equal("building check\n", store.Run("nix", "log", derivation).Succeeded());
        }
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void FailedBuild_IsReportedAsByAStockDaemon(string suite)
    {
        var release = NixRelease.Open(suite);
        var (stock, store) = (Stock(release), Store(Mount("here"), release));
        var broken = store.Instantiate("broken");

        // 1. The first failure ends it; what depends on it does not run.
        var (expected, failed) = (stock.Build("dependent"), store.Build("dependent"));
        Assert.Equal(expected.Status, failed.Status);
        Assert.Equal(FailureOfBroken(expected), FailureOfBroken(failed));
        Assert.Contains($"builder for '{broken}' failed with exit code 3", failed.Errors, StringComparison.Ordinal);
        Assert.Contains("> line 12 of broken", failed.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("dependent runs", failed.Errors, StringComparison.Ordinal);

        // 2. With --keep-going the rest is built nevertheless.
        (expected, failed) = (stock.Build("both", "--keep-going"), store.Build("both", "--keep-going"));
        Assert.Equal(expected.Status, failed.Status);
        Assert.Equal(FailureOfBroken(expected), FailureOfBroken(failed));
        Assert.Contains("independent runs", failed.Errors, StringComparison.Ordinal);
        Assert.True(store.IsValid(store.Output("independent")));
        foreach (var attribute in (string[])["broken", "dependent", "both"])
        {
            Assert.False(store.IsValid(store.Output(attribute)), attribute);
        }

        // 3. Its log is kept, as of a build that succeeds.
        Assert.EndsWith("line 12 of broken\n", store.Run("nix-store", "--read-log", broken).Succeeded(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Phases_AreToldAndKeptAsByAStockDaemon(string suite)
    {
        var release = NixRelease.Open(suite);
        var (stock, store) = (Stock(release), Store(Mount("here"), release));
        string[] options = ["--log-format", "internal-json"];
        var (expected, told) = (stock.Build("phases", options), store.Build("phases", options));
        Assert.Equal(["unpackPhase", "buildPhase"], PhasesOf(expected));
        Assert.Equal(PhasesOf(expected), PhasesOf(told));
        var derivation = store.Instantiate("phases");
        Assert.Equal(stock.Run("nix-store", "--read-log", derivation).Succeeded(), store.Run("nix-store", "--read-log", derivation).Succeeded());

        static string[] PhasesOf(CommandResult result) =>
        [
            .. result.Errors.Split('\n').Where(static line => line.StartsWith("@nix {\"action\":\"result\"", StringComparison.Ordinal) && line.Contains("\"type\":104", StringComparison.Ordinal))
                .Select(static line => JsonDocument.Parse(line["@nix ".Length..]).RootElement.GetProperty("fields")[0].GetString()!),
        ];
    }

    [Fact]
    public void BuildThatTakesTooLong_IsEndedAsByAStockDaemon()
    {
        var release = NixRelease.Open(NixRelease.Bookworm);
        var (stock, store) = (Stock(release), Store(Mount("here"), release));

        var (expected, failed) = (stock.Build("tooLong", "--timeout", "1"), store.Build("tooLong", "--timeout", "1"));

        Assert.Equal(expected.Status, failed.Status);
        Assert.Contains("timed out after 1 seconds", expected.Errors, StringComparison.Ordinal);
        Assert.Contains("timed out after 1 seconds", failed.Errors, StringComparison.Ordinal);
        BuilderProcesses.AssertGone(_salt);
    }

    [Fact]
    public void FixedOutput_OfAnotherHash_IsRefusedWithBothHashes()
    {
        var release = NixRelease.Open(NixRelease.Bookworm);
        var (stock, store) = (Stock(release), Store(Mount("here"), release));
        var output = store.Output("wrongHash");
        var before = store.AllPaths();

        var (expected, failed) = (stock.Build("wrongHash"), store.Build("wrongHash"));

        Assert.Equal(expected.Status, failed.Status);
        Assert.Equal(ErrorLines(expected), ErrorLines(failed));
        Assert.Contains("hash mismatch in fixed-output derivation", failed.Errors, StringComparison.Ordinal);
        Assert.Contains("specified: " + Hash("what was expected"), failed.Errors, StringComparison.Ordinal);
        Assert.Contains("got:    " + Hash("what came"), failed.Errors, StringComparison.Ordinal);
        Assert.Equal(before, store.AllPaths());
        Assert.False(Path.Exists(store.Real(output)));
    }

    /// <summary>Also where the client asks for no sandbox, as these clients do.</summary>
    [Fact]
    public async Task Builder_SeesItsInputsAndNothingOfTheHost()
    {
        var host = Mount("here");
        var marker = Path.Combine(Scratch, "marker");
        File.WriteAllText(marker, "the host's");
        string[] hidden =
        [
            marker, Folder, host.MountPoint, host.CacheDirectory, host.MountPoint + "/var/nix/daemon-socket/socket",
            "/nix/var/nix/daemon-socket/socket", "/nix/var", "/etc/shadow", "/home", "/usr", "/run/nixfuse", Programs.Repository, Programs.Server,
        ];
        var store = Store(host, NixRelease.Open(NixRelease.Bookworm), hidden);

        // 1. From outside: its user is neither root nor anybody of the host's, other than those that Nix has for builds.
        var building = Task.Run(() => store.Build("looksAround"), TestContext.Current.CancellationToken);
        var processes = BuilderProcesses.WaitFor(_salt, count: 1, () => building.IsCompleted);
        var users = processes.Select(BuilderProcesses.HostUser).OfType<int>().ToArray();
        var output = (await building).Lines().Single();
        Assert.NotEmpty(users);
        Assert.DoesNotContain(0, users);
        Assert.Empty(users.Intersect(HostUsers()));

        // 2. From inside: no root, no network, no other process, no file but its inputs.
        string[] Seen(string name) => File.ReadAllLines(Path.Combine(store.Real(output), name));
        Assert.NotEqual("0", Seen("user").Single());
        Assert.NotEqual("0", Seen("group").Single());
        Assert.Equal(["lo"], Seen("network").Skip(2).Select(static line => line.Split(':')[0].Trim()));
        Assert.Equal(["1"], Seen("processes"));
        Assert.Empty(Seen("seen"));
        Assert.Empty(Seen("root").Except(["bin", "build", "dev", "etc", "nix", "proc", "tmp"]));
        Assert.Empty(Seen("etc").Except(["group", "hosts", "passwd"]));
        Assert.Equal(["store"], Seen("nix"));
        Assert.Equal(
            _shared.Tools.ShellClosure.Append(output).Select(Path.GetFileName).Order(StringComparer.Ordinal),
            Seen("store").Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Sandbox_IsProvenBeforeTheFirstBuild(string engine)
    {
        string[] engineArguments = NixRelease.Open(engine).InstallInto(Folder + "/engine") is { } nix ? ["--build-nix", nix] : [];
        var host = Mount("here", engineArguments);
        Assert.Equal("not tried yet", SandboxOf(host));
        Assert.Equal(0, Store(host, NixRelease.Open(NixRelease.Bookworm)).Build("independent").Status);
        Assert.Equal("proven", SandboxOf(host));
    }

    [Fact]
    public async Task TwoClients_OfOneDerivation_ShareOneExecution()
    {
        var host = Mount("here", "--max-jobs", "2");
        var release = NixRelease.Open(NixRelease.Bookworm);
        var store = Store(host, release);
        var cancellation = TestContext.Current.CancellationToken;

        var first = Task.Run(() => store.Build("number"), cancellation);
        var second = Task.Run(() => Store(host, release).Build("number"), cancellation);
        Eventually.Holds("both wait for one build", () => BuildsOf(host) is [var build] && build.GetProperty("waiters").GetInt32() == 2
            && build.GetProperty("state").GetString() == "running" && build.GetProperty("derivation").GetString() == store.Instantiate("number"));
        var results = await Task.WhenAll(first, second);

        var output = results[0].Lines().Single();
        Assert.Equal(output, results[1].Lines().Single());
        var number = File.ReadAllText(store.Real(output)).Trim();
        foreach (var result in results)
        {
            var printed = result.Errors.Split('\n').Where(static line => line.StartsWith("number ", StringComparison.Ordinal));
            Assert.Equal(["number begins", number], printed);
        }

        Assert.Empty(BuildsOf(host));
        Assert.Single(store.AllPaths(), output);
        var there = Mount("there");
        Eventually.Holds("the other host has it", () => File.Exists(there.Real(output)));
        Assert.Equal(number, File.ReadAllText(there.Real(output)).Trim());
    }

    [Fact]
    public void KilledClient_TakesItsBuilderWithIt()
    {
        var store = Store(Mount("here", "--max-jobs", "1"), NixRelease.Open(NixRelease.Bookworm));
        using var client = StartEndless(store);

        client.Kill();

        client.WaitForExit();
        BuilderProcesses.AssertGone(_salt);
        Assert.False(store.IsValid(store.Output("endless")));
        // The only slot is free again.
        store.Build("independent").Succeeded();
    }

    [Fact]
    public void KilledMount_LeavesNeitherProcessesNorMountsNorFolders()
    {
        var host = Mount("here");
        var store = Store(host, NixRelease.Open(NixRelease.Bookworm));
        using var client = StartEndless(store);
        var cells = Path.Combine(host.CacheDirectory, "builds");
        Assert.NotEmpty(Directory.EnumerateDirectories(cells));

        host.KillDaemon();

        BuilderProcesses.AssertGone(_salt);
        EndFailed(client);
        Assert.DoesNotContain("overlay", MountsUnder(Folder), StringComparison.Ordinal);

        // What it left on disk goes with the next mount, which builds as the first one did.
        Command.Run("umount", "--lazy", host.MountPoint);
        host.Mount();
        Eventually.Within(
            SweptWithin, "the cell's folder is gone", () => !Directory.Exists(cells) || !Directory.EnumerateDirectories(cells).Any());
        Assert.DoesNotContain("overlay", MountsUnder(Folder), StringComparison.Ordinal);
        store.Build("independent").Succeeded();
    }

    [Fact]
    public void OddOutputs_AreMadeCanonicalOrRefused_AsByAStockDaemon()
    {
        var release = NixRelease.Open(NixRelease.Bookworm);
        var (stock, store) = (Stock(release), Store(Mount("here"), release));

        // 1. Files that nobody may read can be read, and a program that anybody may execute stays one.
        var unreadable = store.Real(store.Build("unreadable").Lines().Single());
        Assert.Equal("secret\n", File.ReadAllText(unreadable + "/folder/file"));
        Assert.Equal("444\n", Mode(unreadable + "/folder/file"));
        Assert.Equal("555\n", Mode(unreadable + "/program"));

        // 2. The sandbox forbids what would let a program run as its owner.
        var setuid = store.Real(store.Build("setuid").Lines().Single());
        Assert.Equal("refused\n", File.ReadAllText(setuid + "/setuid"));
        Assert.Equal("refused\n", File.ReadAllText(setuid + "/setgid"));
        Assert.Equal("444\n", Mode(setuid + "/program"));

        // 3. A pipe cannot be in a store, and an output has to be there.
        (string Attribute, string Words)[] refused = [("fifo", "/pipe' has an unsupported type"), ("leftOut", "failed to produce output path")];
        foreach (var (attribute, words) in refused)
        {
            var (expected, failed) = (stock.Build(attribute), store.Build(attribute));
            Assert.Equal(expected.Status, failed.Status);
            Assert.Contains(words, expected.Errors, StringComparison.Ordinal);
            Assert.Contains(words, failed.Errors, StringComparison.Ordinal);
            Assert.False(store.IsValid(store.Output(attribute)));
        }
    }

    [Fact]
    public void MountWithoutBuilds_SaysSoInOneLine()
    {
        var store = Store(Mount("here", "--no-builds"), NixRelease.Open(NixRelease.Bookworm));
        var derivation = store.Instantiate("independent");

        var refused = store.Build("independent");

        Assert.NotEqual(0, refused.Status);
        Assert.Contains(derivation, Assert.Single(ErrorLines(refused)), StringComparison.Ordinal);
        Assert.DoesNotContain("independent runs", refused.Errors, StringComparison.Ordinal);
    }

    private ClientHost Mount(string name, params string[] arguments)
    {
        var host = NewClient(_shared.Server, name, mountName: "nix");
        host.MountArguments.AddRange(arguments);
        host.Mount();
        return host;
    }

    private static string SandboxOf(ClientHost host) => host.Status().GetProperty("builds").GetProperty("sandbox").GetString()!;

    private static JsonElement[] BuildsOf(ClientHost host)
    {
        using var report = JsonDocument.Parse(host.Run("builds", "--json").Succeeded());
        return [.. report.RootElement.GetProperty("builds").EnumerateArray().Select(static build => build.Clone())
            .Where(build => build.GetProperty("mountPoint").GetString() == host.MountPoint)];
    }

    private BuildingStore Store(ClientHost host, NixRelease release, params string[] hidden) =>
        new(new NixClient(release, Scratch), Path.GetDirectoryName(host.MountPoint)!, _shared.Tools, _salt) { Hidden = hidden };

    // What the installed Nix's own daemon does with the same derivations, whatever release asks.
    private BuildingStore Stock(NixRelease release) =>
        new(new NixClient(release, Scratch), _shared.StockRoot, _shared.Tools, _salt) { Configuration = "sandbox = true" };

    private void AssertProgramsRun(ClientHost host, string all)
    {
        Assert.Equal("4 words\n", host.RunInside(Scratch, all + "/bin/count-words").Succeeded());
        Assert.Equal("4 words\n", host.RunInside(Scratch, all + "/bin/count-words-py").Succeeded());
        Assert.Equal($"built with salt '{_salt}'\n", host.RunInside(Scratch, all + "/bin/manual").Succeeded());
    }

    // Returns once the builder and its helper run.
    private Process StartEndless(BuildingStore store)
    {
        var client = store.StartBuild("endless");
        BuilderProcesses.WaitFor(_salt, count: 3, () => client.HasExited);
        Assert.False(client.HasExited, client.HasExited ? client.StandardError.ReadToEnd() : "");
        return client;
    }

    private static void EndFailed(Process client)
    {
        if (!client.WaitForExit(CommandEndsWithin))
        {
            client.Kill();
            Assert.Fail("the client waits for a mount that is gone");
        }

        Assert.NotEqual(0, client.ExitCode);
    }

    // From the first error to the last line; lines before are what builders print.
    private static string[] ErrorLines(CommandResult result) => [.. result.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .SkipWhile(static line => !line.StartsWith("error:", StringComparison.Ordinal))];

    // The lines about the builder itself. How goals that depend on it are counted afterwards differs between releases.
    // What other builders print may come behind.
    private static string[] FailureOfBroken(CommandResult result) => [.. ErrorLines(result)
        .Where(static line => line != "independent runs")
        .Where(static line => !line.StartsWith("error:", StringComparison.Ordinal) || line.Contains("exit code", StringComparison.Ordinal))];

    private static string Hash(string content) => "sha256-" + Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(content)));

    private static string Mode(string path) => Command.Run("stat", "--format", "%a", path).Succeeded();

    private static string MountsUnder(string folder) =>
        string.Join('\n', File.ReadLines("/proc/self/mounts").Where(line => line.Contains(folder, StringComparison.Ordinal)));

    private static IEnumerable<int> HostUsers() => File.ReadLines("/etc/passwd")
        .Where(static line => !line.StartsWith("nixbld", StringComparison.Ordinal)).Select(static line => int.Parse(line.Split(':')[2]));
}
