namespace NixFuseStore.Daemon;

/// <summary>How the realisation of a path or the build of a derivation ended, by Nix's numbers.</summary>
public enum BuildStatus
{
    /// <summary>It was built just now.</summary>
    Built = 0,

    /// <summary>It was fetched.</summary>
    Substituted = 1,

    /// <summary>There was nothing to do.</summary>
    AlreadyValid = 2,

    /// <summary>The builder failed, and would fail again.</summary>
    PermanentFailure = 3,

    /// <summary>The derivation cannot be built as it is.</summary>
    InputRejected = 4,

    /// <summary>What the builder left cannot be taken.</summary>
    OutputRejected = 5,

    /// <summary>It may succeed another time.</summary>
    TransientFailure = 6,

    /// <summary>Not used any more.</summary>
    CachedFailure = 7,

    /// <summary>It took too long, or said nothing for too long.</summary>
    TimedOut = 8,

    /// <summary>Something else.</summary>
    MiscFailure = 9,

    /// <summary>What it needs could not be made.</summary>
    DependencyFailed = 10,

    /// <summary>It printed too much.</summary>
    LogLimitExceeded = 11,

    /// <summary>Built again, it differs.</summary>
    NotDeterministic = 12,

    /// <summary>Its resolved derivation has been built.</summary>
    ResolvesToAlreadyValid = 13,

    /// <summary>No binary cache has it.</summary>
    NoSubstituters = 14,
}
