namespace NixFuseStore.Daemon.Sessions;

/// <summary>What a client said with SetOptions, as far as it changes what this daemon does.</summary>
internal sealed record ClientSettings
{
    internal static readonly ClientSettings Default = new();

    /// <summary>Whether paths may be fetched from elsewhere.</summary>
    internal bool UseSubstitutes { get; init; } = true;

    /// <summary>Whether the rest goes on where something fails.</summary>
    internal bool KeepGoing { get; init; }

    /// <summary>Whether directories of builds that failed are kept.</summary>
    internal bool KeepFailed { get; init; }

    /// <summary>Whether nothing is to be built on this host (<c>max-jobs = 0</c>).</summary>
    internal bool BuildsElsewhere { get; init; }

    /// <summary>What builds are allowed.</summary>
    internal BuildLimits Limits { get; init; } = BuildLimits.Default;
}
