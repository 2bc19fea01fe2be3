using System.Runtime.InteropServices;
using NixFuseStore.Daemon;

namespace NixFuseStore.Builds.Fleet;

/// <summary>What a step needs of the host that builds it, or what a host has.</summary>
/// <param name="Systems">Nix's names of systems; a step needs one.</param>
/// <param name="Features">Nix's system features.</param>
public sealed record BuildNeeds(IReadOnlyList<string> Systems, IReadOnlyList<string> Features)
{
    /// <summary>What this host has: its own system, and the features that stock Nix takes for granted.</summary>
    public static BuildNeeds OfThisHost { get; } = new(
        RuntimeInformation.OSArchitecture switch
        {
            Architecture.X64 => ["x86_64-linux", "i686-linux"],
            Architecture.X86 => ["i686-linux"],
            Architecture.Arm64 => ["aarch64-linux"],
            Architecture.Arm => ["armv7l-linux"],
            Architecture.RiscV64 => ["riscv64-linux"],
            var other => [$"{other}-linux".ToLowerInvariant()],
        },
        ["benchmark", "big-parallel", "nixos-test", .. File.Exists("/dev/kvm") ? (string[])["kvm"] : []]);

    /// <summary>What a step needs, where another host may build it; null for one that is this host's alone to build.</summary>
    /// <param name="build">The step.</param>
    /// <param name="isBuiltHere">Whether this host can and may build it: one that is quicker built than asked for stays then.</param>
    internal static BuildNeeds? Of(BuildStep build, bool isBuiltHere) =>
        build.IsRegistered && !build.KeepFailed && !(build.Derivation.PrefersLocalBuild && isBuiltHere) && !IsBuiltin(build)
            ? new BuildNeeds([build.Derivation.Platform], build.Derivation.RequiredSystemFeatures)
            : null;

    /// <summary>Whether a host that has this can build a step.</summary>
    internal bool Cover(BuildStep build) =>
        (IsBuiltin(build) || Systems.Contains(build.Derivation.Platform)) && build.Derivation.RequiredSystemFeatures.All(Features.Contains);

    private static bool IsBuiltin(BuildStep build) => build.Derivation.Builder.StartsWith("builtin:", StringComparison.Ordinal);
}
