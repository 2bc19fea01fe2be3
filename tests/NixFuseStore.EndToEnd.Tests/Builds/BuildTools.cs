using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.Builds;

/// <summary>The store paths that project.nix and builders.nix take as arguments.</summary>
/// <param name="source">The real store that has them.</param>
internal sealed class BuildTools(RealStore source)
{
    public RealStore Source { get; } = source;

    public string Bash { get; } = source.Package("bash");

    public string Coreutils { get; } = source.Package("coreutils");

    public string Gcc { get; } = source.Package("gcc");

    public string Python { get; } = source.Package("python3");

    public IReadOnlyList<string> All => [Bash, Coreutils, Gcc, Python];

    /// <summary>What a builder of builders.nix may see in /nix/store, besides what it makes.</summary>
    public IEnumerable<string> ShellClosure => Source.Closure(Bash).Union(Source.Closure(Coreutils));
}
