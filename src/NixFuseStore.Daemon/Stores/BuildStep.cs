using NixFuseStore.Nix;
using NixFuseStore.Nix.Derivations;

namespace NixFuseStore.Daemon;

/// <summary>One derivation that is to be built, with all that it needs.</summary>
public sealed record BuildStep
{
    /// <summary>The .drv; it need not be valid.</summary>
    public required StorePath Path { get; init; }

    /// <summary>
    /// The path that the resolved derivation would have, where that is another one; newer Nix looks for the log there. Null otherwise.
    /// </summary>
    public StorePath? ResolvedPath { get; init; }

    /// <summary>What it says, resolved where an input's path depends on content.</summary>
    public required Derivation Derivation { get; init; }

    /// <summary>Whether <see cref="Path"/> is valid and says just this; else a client has sent the derivation, and its path is the client's word.</summary>
    public bool IsRegistered { get; init; }

    /// <summary>Its sources, and the outputs of other derivations that it needs; they are valid.</summary>
    public required IReadOnlyCollection<StorePath> Inputs { get; init; }

    /// <summary>The paths of its outputs by name; without those that depend on their content.</summary>
    public required IReadOnlyDictionary<string, StorePath> Outputs { get; init; }

    /// <summary>By name the ids of the outputs whose paths depend on their content: what they come to is recorded under these.</summary>
    public IReadOnlyDictionary<string, string> RealisationIds { get; init; } = new Dictionary<string, string>();

    /// <summary>What the client allows it.</summary>
    public BuildLimits Limits { get; init; } = BuildLimits.Default;

    /// <summary>Whether the outputs, which are valid, are built once more and compared. Nothing is registered then.</summary>
    public bool Checks { get; init; }

    /// <summary>Whether only other hosts shall build it.</summary>
    public bool OnlyElsewhere { get; init; }

    /// <summary>Whether the directory of a build that failed is kept on this host, for its user to look at.</summary>
    public bool KeepFailed { get; init; }
}

/// <summary>What a client allows a build; 0 where it says nothing.</summary>
/// <param name="Timeout">Seconds in all.</param>
/// <param name="MaxSilentTime">Seconds without a line.</param>
/// <param name="MaxLogSize">Bytes that it may print.</param>
/// <param name="Cores">What the builder is told of how many cores it may use; null for what the host says.</param>
public sealed record BuildLimits(ulong Timeout, ulong MaxSilentTime, ulong MaxLogSize, ulong? Cores)
{
    /// <summary>No limits.</summary>
    public static BuildLimits Default { get; } = new(0, 0, 0, null);
}

/// <summary>How a build ended.</summary>
/// <param name="Status">How.</param>
/// <param name="ErrorMessage">Why it failed, in Nix's words; empty where it did not.</param>
public sealed record StepResult(BuildStatus Status, string ErrorMessage)
{
    /// <summary>What the outputs came to whose paths were not known beforehand, by name; none of a failure.</summary>
    public IReadOnlyDictionary<string, StorePath> Outputs { get; init; } = new Dictionary<string, StorePath>();

    /// <summary>Seconds since 1970 when the builder began; 0 where it did not.</summary>
    public long StartTime { get; init; }

    /// <summary>Seconds since 1970 when it ended; 0 where it did not begin.</summary>
    public long StopTime { get; init; }

    /// <summary>Whether the outputs are valid.</summary>
    public bool IsSuccess => Status is BuildStatus.Built or BuildStatus.Substituted or BuildStatus.AlreadyValid;
}
