using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.Builds;

/// <summary>Derivations whose outputs' paths depend on their content, and those that need them.</summary>
public sealed class ContentAddressedTests : EndToEndTest, IClassFixture<BuildServer>
{
    private readonly BuildServer _shared;
    private readonly string _salt = Guid.NewGuid().ToString("N");

    public ContentAddressedTests(BuildServer shared)
    {
        foreach (var program in (string[])["nix-daemon", "nix-store", "nix-build"])
        {
            Programs.Require(program);
        }

        _shared = shared;
    }

    public static TheoryData<string, string> ClientsAndEngines => BuildTests.ClientsAndEngines;

    [Theory]
    [MemberData(nameof(ClientsAndEngines))]
    public void Outputs_AreBuiltOnce_AndWhatNeedsThemIsBuiltOnlyForNewContent(string suite, string engine)
    {
        var release = NixRelease.Open(suite);
        string[] engineArguments = NixRelease.Open(engine).InstallInto(Folder + "/engine") is { } nix ? ["--build-nix", nix] : [];
        var (here, there) = (Mount("here", engineArguments), Mount("there"));
        var (store, other) = (Store(here, release), Store(there, release));

        // 1. All of them, with the references that they have.
        var built = store.Build("report");
        string report = built.Lines().Single();
        Assert.Equal($"report on library of {_salt} at", File.ReadAllText(store.Real(report)).Split(" /nix")[0].Trim());
        string program = store.Build("program").Lines().Single();
        string library = File.ReadAllText(store.Real(program + "/where")).Trim();
        Assert.Equal($"library of {_salt} at {library}", File.ReadAllText(store.Real(library + "/lib")).Trim());
        string[] made = [report, program, library];
        store.Run(["nix", "store", "verify", "--no-trust", .. made]).Succeeded();
        Assert.Contains("\"ca\":\"fixed:r:sha256:", store.Run("nix", "path-info", "--json", library).Succeeded().Replace("\\/", "/", StringComparison.Ordinal), StringComparison.Ordinal);

        // 2. Nothing is built again, on no host.
        foreach (var asked in (BuildingStore[])[store, other])
        {
            Eventually.Holds("the host has it", () => made.All(asked.IsValid));
            var again = asked.Build("report");
            Assert.Equal(report, again.Lines().Single());
            Assert.DoesNotContain("is built", again.Errors, StringComparison.Ordinal);
        }

        // 3. A library that is told otherwise and is the same: what needs it is there already.
        var told = store.Build("report", "--argstr", "variant", "2");
        Assert.Equal(report, told.Lines().Single());
        Assert.Contains("library is built", told.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("program is built", told.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("report is built", told.Errors, StringComparison.Ordinal);

        // 4. What the builders printed is kept.
        Assert.Contains("program is built\n", store.Run("nix-store", "--read-log", store.Instantiate("program")).Succeeded(), StringComparison.Ordinal);
    }

    [Fact]
    public void TwoDerivations_OfTheSameContent_AreOnePath()
    {
        var store = Store(Mount("here"), NixRelease.Open(NixRelease.Bookworm));
        string first = store.Build("first").Lines().Single();
        Assert.Equal(first, store.Build("second").Lines().Single());
        Assert.Equal($"one {_salt}\none {_salt}\n", File.ReadAllText(store.Real(store.Build("same").Lines().Single())));
    }

    [Fact]
    public async Task TwoHosts_OneExecution_TheSameOutputs()
    {
        var release = NixRelease.Open(NixRelease.Bookworm);
        var (here, there) = (Store(Mount("here"), release), Store(Mount("there"), release));
        var results = await Task.WhenAll(Task.Run(() => here.Build("random")), Task.Run(() => there.Build("random")));
        string path = results[0].Lines().Single();
        Assert.Equal(path, results[1].Lines().Single());
        string number = File.ReadAllText(here.Real(path)).Trim();
        Assert.All(results, result => Assert.Contains(number, result.Errors, StringComparison.Ordinal));
        Assert.Equal(number, File.ReadAllText(there.Real(path)).Trim());
    }

    [Fact]
    public void Check_OfTheSameContent_Passes_AndOfOther_IsNotDeterministic()
    {
        var store = Store(Mount("here"), NixRelease.Open(NixRelease.Bookworm));
        _ = store.Build("first").Lines();
        _ = store.Build("random").Lines();
        Assert.Equal(0, store.Build("first", "--check").Status);
        var random = store.Build("random", "--check");
        Assert.NotEqual(0, random.Status);
        Assert.Contains("may not be deterministic", random.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Failure_IsReported_AndAnImpureDerivation_IsRefusedInOneLine()
    {
        var store = Store(Mount("here"), NixRelease.Open(NixRelease.Trixie));
        var broken = store.Build("broken");
        Assert.Contains("failed with exit code 3", broken.Errors, StringComparison.Ordinal);
        var impure = store.Build("impure");
        Assert.NotEqual(0, impure.Status);
        Assert.Contains("impure derivations are not built here", impure.Errors, StringComparison.Ordinal);
    }

    private ClientHost Mount(string name, params string[] arguments)
    {
        var host = NewClient(_shared.Server, name, mountName: "nix");
        host.MountArguments.AddRange(arguments);
        host.Mount();
        return host;
    }

    private BuildingStore Store(ClientHost host, NixRelease release) =>
        new(new NixClient(release, Scratch), Path.GetDirectoryName(host.MountPoint)!, _shared.Tools, _salt)
        {
            Expressions = "content-addressed.nix",
            Configuration = "experimental-features = nix-command flakes ca-derivations impure-derivations",
        };
}
