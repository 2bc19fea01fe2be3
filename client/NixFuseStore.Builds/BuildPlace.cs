using NixFuseStore.Builds.Fleet;
using NixFuseStore.Daemon;

namespace NixFuseStore.Builds;

/// <summary>Where a step is to be built.</summary>
/// <param name="IsHere">Whether this host can and may build it.</param>
/// <param name="Patience">How long other hosts may take to begin before this host builds it, or says that none has begun.</param>
/// <param name="WhyNeverHere">Why this host does not build it then either; null where it does.</param>
internal sealed record BuildPlace(bool IsHere, TimeSpan Patience, string? WhyNeverHere)
{
    /// <summary>How long a host is waited for that has what this one lacks. Then stock Nix says what is missing here.</summary>
    private static readonly TimeSpan AblePatience = TimeSpan.FromSeconds(10);

    /// <summary>How long others are waited for where this host is not to build.</summary>
    private static readonly TimeSpan OthersPatience = TimeSpan.FromMinutes(10);

    /// <summary>The place of a step.</summary>
    internal static BuildPlace Of(BuildStep build, HostBuilderOptions host)
    {
        bool isOffered = BuildNeeds.Of(build, isBuiltHere: false) is not null;
        if (build.OnlyElsewhere || host.JobsMax == 0)
        {
            return new BuildPlace(
                IsHere: false,
                isOffered ? OthersPatience : TimeSpan.Zero,
                "unable to start any build: max-jobs is 0, so that only other hosts build, and "
                    + (isOffered ? $"none has begun within {OthersPatience.TotalMinutes:0} minutes" : "this derivation is for this host alone"));
        }

        return host.Host.Cover(build)
            ? new BuildPlace(IsHere: true, TimeSpan.Zero, WhyNeverHere: null)
            : new BuildPlace(IsHere: false, isOffered ? AblePatience : TimeSpan.Zero, WhyNeverHere: null);
    }
}
