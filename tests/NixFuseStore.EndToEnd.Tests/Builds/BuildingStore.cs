using System.Diagnostics;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.Builds;

/// <summary>A store that is asked to build through the daemon socket in it, with its files read from disk or mount.</summary>
/// <param name="nix">Whose commands ask.</param>
/// <param name="root">The folder in which the store's /nix lies.</param>
/// <param name="tools">What the expressions take.</param>
/// <param name="salt">Makes every derivation a new one; it is in every builder's environment.</param>
internal sealed class BuildingStore(NixClient nix, string root, BuildTools tools, string salt)
{
    private static readonly string Folder = Path.Combine(Programs.Repository, "tests/NixFuseStore.EndToEnd.Tests/Builds");

    /// <summary>Lines of nix.conf for every command.</summary>
    public string Configuration { get; init; } = "";

    /// <summary>The file whose derivations are built, in the folder of this one.</summary>
    public string Expressions { get; init; } = "builders.nix";

    /// <summary>The paths that builders.nix looks for in its sandbox.</summary>
    public IReadOnlyList<string> Hidden { get; init; } = [];

    /// <summary>Builds a part of project.nix; its output is the store paths.</summary>
    public CommandResult BuildProject(string attribute) => Run(["nix-build", "--no-out-link", .. Project(attribute)]);

    /// <summary>Builds a derivation of builders.nix.</summary>
    public CommandResult Build(string attribute, params string[] options) => Run(BuildCommand(attribute, options));

    /// <summary>Starts to build a derivation of builders.nix; the caller ends and disposes the process.</summary>
    public Process StartBuild(string attribute, params string[] options)
    {
        // A nix-build that is killed leaves its temporary folder, which is to go with the test.
        string[] command = ["env", "TMPDIR=" + nix.Folder, .. BuildCommand(attribute, options)];
        return nix.Start(Url, command, Configuration);
    }

    /// <summary>The derivation's path, which is valid from then on.</summary>
    public string Instantiate(string attribute, params string[] options) => Run(["nix-instantiate", .. options, .. Builder(attribute)]).Lines()[^1];

    public string InstantiateProject(string attribute) => Run(["nix-instantiate", .. Project(attribute)]).Lines()[^1];

    /// <summary>The path of the only output of a derivation of builders.nix, built or not.</summary>
    public string Output(string attribute, params string[] options) => Outputs(attribute, options).Single();

    /// <summary>The paths of all outputs of a derivation of builders.nix, built or not.</summary>
    public string[] Outputs(string attribute, params string[] options) =>
        Run(["nix-store", "--query", "--outputs", Instantiate(attribute, options)]).Lines();

    public bool IsValid(string path) => Run(["nix-store", "--check-validity", path]).Status == 0;

    /// <summary>Every valid path, as often as the store lists it.</summary>
    public string[] AllPaths() => [.. Run(["nix", "path-info", "--all"]).Lines().Order(StringComparer.Ordinal)];

    public CommandResult Run(params string[] command) => nix.Run(Url, command, Configuration);

    /// <summary>Where a store path's files lie.</summary>
    public string Real(string path) => root + path;

    private string Url => $"unix://{root}/nix/var/nix/daemon-socket/socket?root={root}";

    private string[] BuildCommand(string attribute, string[] options) => ["nix-build", "--no-out-link", .. options, .. Builder(attribute)];

    /// <summary>The full path of <see cref="Expressions"/>.</summary>
    public string ExpressionsFile => $"{Folder}/{Expressions}";

    /// <summary>The file and its arguments, for commands of the old kind, which take <c>--attr</c> beside it.</summary>
    public string[] Arguments => [ExpressionsFile, .. Shell, "--argstr", "hidden", string.Join(' ', Hidden)];

    private string[] Builder(string attribute) => ["-A", attribute, .. Arguments];

    private string[] Project(string attribute) =>
        [Folder + "/project.nix", "-A", attribute, .. Shell, "--argstr", "gcc", tools.Gcc, "--argstr", "python", tools.Python];

    private string[] Shell => ["--argstr", "bash", tools.Bash, "--argstr", "coreutils", tools.Coreutils, "--argstr", "salt", salt];
}
