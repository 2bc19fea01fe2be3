using System.Text.RegularExpressions;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.Builds;

/// <summary>What clients of each release ask of builds: the table of BUILDING.md, a line a feature.</summary>
public sealed partial class BuildFeatureTests : EndToEndTest, IClassFixture<BuildServer>
{
    private readonly BuildServer _shared;
    private readonly string _salt = Guid.NewGuid().ToString("N");

    public BuildFeatureTests(BuildServer shared)
    {
        foreach (var program in (string[])["nix-daemon", "nix-store", "nix-build"])
        {
            Programs.Require(program);
        }

        _shared = shared;
    }

    public static TheoryData<string> Suites => NixRelease.Suites;

    [Theory]
    [MemberData(nameof(Suites))]
    public void EachFeature_WorksAsWithAStockDaemon(string suite)
    {
        var host = NewClient(_shared.Server, "here", mountName: "nix");
        host.Mount();
        var store = new BuildingStore(new NixClient(NixRelease.Open(suite), Scratch), Path.GetDirectoryName(host.MountPoint)!, _shared.Tools, _salt) { Expressions = "features.nix" };
        string Made(string attribute, params string[] options) => File.ReadAllText(store.Real(store.Build(attribute, options).Lines()[0]));

        var failures = new List<string>();
        foreach (var (feature, check) in new (string, Action)[]
        {
            ("--dry-run", () =>
            {
                Assert.Matches("derivations? will be built", store.Build("user", "--dry-run").Errors);
                Assert.False(store.IsValid(store.Output("plain")));
            }),
            ("inputs first, each once", () =>
            {
                string said = store.Build("user").Errors;
                Assert.Equal(1, said.Split("plain is built").Length - 1);
                Assert.True(said.IndexOf("plain is built", StringComparison.Ordinal) < said.IndexOf("user is built", StringComparison.Ordinal), said);
            }),
            ("--cores", () => Assert.Equal("1\n", Made("cores", "--cores", "1"))),
            ("--max-silent-time", () => Fails(store.Build("silent", "--max-silent-time", "1"), "timed out after 1 seconds of silence")),
            ("--timeout", () => Fails(store.Build("silent", "--timeout", "2"), "timed out after 2 seconds")),
            ("max-build-log-size", () => Fails(store.Build("talkative", "--option", "max-build-log-size", "100"), "killed after writing more than 100 bytes of log output")),
            ("--check, the same", () =>
            {
                _ = Made("plain");
                Assert.Equal(0, store.Build("plain", "--check").Status);
            }),
            ("--check, another", () =>
            {
                _ = Made("random");
                Fails(store.Build("random", "--check"), "may not be deterministic");
            }),
            ("--keep-failed", () =>
            {
                var failed = store.Build("fails", "--keep-failed");
                Fails(failed, "failed with exit code 3");
                string kept = KeptDirectory().Match(failed.Errors).Groups[1].Value;
                Assert.Contains("what it had\n", Directory.EnumerateFiles(kept, "file", SearchOption.AllDirectories).Select(File.ReadAllText));
                Directory.Delete(Directory.GetParent(kept)!.FullName, recursive: true);
            }),
            ("fixed output, with the network", () =>
            {
                var built = store.Build("fetched");
                Assert.Equal("known", File.ReadAllText(store.Real(built.Lines().Single())));
                Assert.Equal(File.ReadLines("/proc/net/dev").Count(), built.Errors.Split('\n').Count(static line => line.Contains("interface ", StringComparison.Ordinal)));
            }),
            ("exportReferencesGraph", () => Assert.Contains(_shared.Tools.Coreutils + "\n", Made("graph"), StringComparison.Ordinal)),
            ("structured attributes", () => Assert.Equal("two words\n", Made("structured"))),
            ("several outputs", () => Assert.Contains(store.Run(["nix-build", "--no-out-link", "--attr", "split.dev", .. store.Arguments]).Lines().Single(), store.AllPaths())),
            ("allowedReferences", () => Fails(store.Build("forbidden"), "is not allowed to refer to")),
            ("import from derivation", () => Assert.Equal("imported\n", Made("imported"))),
            ("nix build", () =>
            {
                store.Run(["nix", "build", "--no-link", "split", "--file", .. store.Arguments]).Succeeded();
                Assert.True(store.IsValid(store.Run("nix-store", "--query", "--outputs", store.Instantiate("split")).Lines()[0]));
            }),
            ("flake with a path", () =>
            {
                string said = store.Run("nix", "build", "--no-link", "--impure", "-L", $"path:{Flake(store)}#fresh").Errors;
                Assert.Contains("fresh is built", said, StringComparison.Ordinal);
            }),
            ("nix-shell", () =>
            {
                // The others see a /usr without a shell.
                if (suite == NixRelease.Bookworm)
                {
                    string said = store.Run(["env", "NIX_BUILD_SHELL=/bin/bash", "nix-shell", "--attr", "user", .. store.Arguments, "--run", "echo in the shell of $name"]).Succeeded();
                    Assert.Contains("in the shell of user\n", said, StringComparison.Ordinal);
                }
            }),
        })
        {
            try
            {
                check();
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                failures.Add($"{feature}: {e.Message}");
            }
        }

        Assert.True(failures.Count == 0, string.Join("\n\n", failures));
    }

    private static void Fails(CommandResult result, string why)
    {
        Assert.NotEqual(0, result.Status);
        Assert.Contains(why, result.Errors, StringComparison.Ordinal);
    }

    private string Flake(BuildingStore store)
    {
        string folder = Path.Combine(Scratch, "flake");
        Directory.CreateDirectory(folder);
        File.Copy(store.ExpressionsFile, Path.Combine(folder, "features.nix"));
        File.WriteAllText(
            Path.Combine(folder, "flake.nix"),
            $$"""
            { outputs = { self }: { packages.x86_64-linux = import ./features.nix { bash = "{{_shared.Tools.Bash}}"; coreutils = "{{_shared.Tools.Coreutils}}"; salt = "{{_salt}}"; }; }; }
            """);
        return folder;
    }

    [GeneratedRegex(@"keeping build directory '([^']+)'")]
    private static partial Regex KeptDirectory();
}
