using System.Security.Cryptography;
using System.Text;
using NixFuseStore.Daemon;
using NixFuseStore.Nix;

namespace NixFuseStore.Builds.Running;

/// <summary>What makes two requests one build: the same derivation to the letter, wanted in the same way.</summary>
/// <param name="Path">The derivation's path, which a client may have made up.</param>
/// <param name="Text">SHA-256 of the derivation's text, in hexadecimal digits.</param>
/// <param name="Limits">A build that fails by its limits says nothing to those who set others.</param>
/// <param name="KeepFailed">Whether the build directory is wanted.</param>
/// <param name="OnlyElsewhere">Whether this host does not build it.</param>
/// <param name="Outputs">The outputs: two builds of the same are never under way at the same time.</param>
/// <param name="Own">Equal to nothing else, where the build is for one client alone; null otherwise.</param>
internal sealed record BuildKey(StorePath Path, string Text, BuildLimits Limits, bool KeepFailed, bool OnlyElsewhere, string Outputs, object? Own)
{
    /// <summary>The key of a step.</summary>
    /// <param name="build">The step.</param>
    /// <param name="limits">Its limits as they count here.</param>
    internal static BuildKey Of(BuildStep build, BuildLimits limits) => new(
        build.Path,
        Convert.ToHexStringLower(SHA256.HashData(build.Derivation.ToBytes())),
        limits,
        build.KeepFailed,
        build.OnlyElsewhere,
        new StringBuilder().AppendJoin('\n', build.Outputs.Values.Order()).AppendJoin('\n', build.RealisationIds.Values.Order(StringComparer.Ordinal)).ToString(),
        build.Checks ? new object() : null);
}
