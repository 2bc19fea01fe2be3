using NixFuseStore.Builds.Running;
using NixFuseStore.Daemon;
using NixFuseStore.Nix;

namespace NixFuseStore.Builds.Fleet;

/// <summary>
/// All hosts that build for a store: of each set of outputs there is one execution at a time, whose owner holds a lease. All members fail with
/// <see cref="DaemonStoreException"/> where the store cannot be asked. Any thread.
/// </summary>
public interface IBuildFleet
{
    /// <summary>
    /// Asks for a step: its outputs are valid, or it is this host's to build, or another host builds it, or it waits for one that has a slot, or none of these where this host
    /// does not claim and the step is not offered.
    /// </summary>
    /// <param name="wanted">What, and how.</param>
    /// <param name="claims">Whether this host is ready to build.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<FleetClaim> ClaimAsync(FleetStep wanted, bool claims, CancellationToken cancellationToken);

    /// <summary>A step that another host has asked for, and that is this host's to build from now on; null where there was none for so long.</summary>
    /// <param name="host">What this host has.</param>
    /// <param name="patience">How long one is waited for.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<FleetTake?> TakeAsync(BuildNeeds host, TimeSpan patience, CancellationToken cancellationToken);

    /// <summary>This host still builds.</summary>
    /// <param name="number">Its execution.</param>
    /// <param name="position">Bytes of the log before <paramref name="log"/>.</param>
    /// <param name="log">What the builder has printed since; may be empty.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<FleetRenewal> RenewAsync(ulong number, long position, ReadOnlyMemory<byte> log, CancellationToken cancellationToken);

    /// <summary>
    /// Ends an execution of this host: its outputs become valid, with log and result, in one transaction. Waits for a store that is away.
    /// </summary>
    /// <param name="number">The execution.</param>
    /// <param name="build">What was built.</param>
    /// <param name="result">How it ended.</param>
    /// <param name="outputs">Referenced ones before those that refer to them; none of a build that failed.</param>
    /// <param name="log">All that was printed; read to its end.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="DaemonStoreException">An output cannot be registered, so that none was.</exception>
    Task<FleetEnd> FinishAsync(
        ulong number, BuildStep build, StepResult result, IReadOnlyList<BuiltOutput> outputs, Stream log, CancellationToken cancellationToken);

    /// <summary>This host does not build it after all; another may. Does not fail.</summary>
    Task GiveUpAsync(ulong number);

    /// <summary>What an execution prints, from its first byte on, and how it ends.</summary>
    IAsyncEnumerable<FleetNews> FollowAsync(ulong number, CancellationToken cancellationToken);

    /// <summary>Comes back when this host sees paths that another one has registered.</summary>
    Task AdoptAsync(IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken);

    /// <summary>Whether a call failed because the store refuses this host, whose token was revoked for instance, and not because it is away.</summary>
    bool IsRefusal(DaemonStoreException failure);
}

/// <summary>A step that is wanted.</summary>
/// <param name="Outputs">Its outputs whose paths are known beforehand.</param>
/// <param name="RealisationIds">The ids of the others.</param>
/// <param name="Derivation">The derivation.</param>
/// <param name="TextHash">SHA-256 of the derivation's text.</param>
/// <param name="Limits">Its limits.</param>
/// <param name="KeepFailed">Whether the directory of a failed build is wanted.</param>
/// <param name="Offered">What a host must have that builds it while this one has no slot; null where none may.</param>
public sealed record FleetStep(
    IReadOnlyCollection<StorePath> Outputs,
    IReadOnlyCollection<string> RealisationIds,
    StorePath Derivation,
    ReadOnlyMemory<byte> TextHash,
    BuildLimits Limits,
    bool KeepFailed,
    BuildNeeds? Offered)
{
    /// <summary>That of a build of this host.</summary>
    /// <param name="key">What makes it one build.</param>
    /// <param name="build">The step.</param>
    /// <param name="isBuiltHere">Whether this host can and may build it.</param>
    internal static FleetStep Of(BuildKey key, BuildStep build, bool isBuiltHere) => new(
        [.. build.Outputs.Values],
        [.. build.RealisationIds.Values],
        key.Path,
        Convert.FromHexString(key.Text),
        key.Limits,
        key.KeepFailed,
        BuildNeeds.Of(build, isBuiltHere));
}

/// <summary>What this host has taken to build for another.</summary>
/// <param name="Number">Its execution.</param>
/// <param name="Lease">How long the host is believed to live unless it is heard.</param>
/// <param name="Derivation">The derivation, which is valid.</param>
/// <param name="Limits">What it is allowed.</param>
public sealed record FleetTake(ulong Number, TimeSpan Lease, StorePath Derivation, BuildLimits Limits);

/// <summary>How an execution is, or was, built.</summary>
/// <param name="TextHash">SHA-256 of the derivation's text.</param>
/// <param name="Limits">The limits it runs under.</param>
/// <param name="KeepFailed">Whether its directory is kept when it fails.</param>
public sealed record FleetTerms(ReadOnlyMemory<byte> TextHash, BuildLimits Limits, bool KeepFailed)
{
    /// <summary>
    /// Whether a failure would be one for that step too: of the same text, under limits that are no tighter, with its directory kept where that is
    /// wanted.
    /// </summary>
    public bool FailsAlsoFor(FleetStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        return TextHash.Span.SequenceEqual(step.TextHash.Span)
            && IsNoTighter(Limits.Timeout, step.Limits.Timeout)
            && IsNoTighter(Limits.MaxSilentTime, step.Limits.MaxSilentTime)
            && IsNoTighter(Limits.MaxLogSize, step.Limits.MaxLogSize)
            && (KeepFailed || !step.KeepFailed);
    }

    // 0 is no limit.
    private static bool IsNoTighter(ulong limit, ulong wanted) => limit == 0 || (wanted != 0 && limit >= wanted);
}

/// <summary>The answer to one who wants a step.</summary>
/// <param name="Owned">This host's execution, which begins now; 0 where there is none.</param>
/// <param name="Lease">How long the host is believed to live unless it is heard.</param>
/// <param name="Open">Another host's, or one that waits for a host; null where there is none.</param>
/// <param name="IsValid">Whether the outputs are valid, all of them.</param>
public sealed record FleetClaim(ulong Owned, TimeSpan Lease, FleetBuild? Open, bool IsValid);

/// <summary>An execution that is not this host's.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Host">Where it runs; where it waits for a host, the one that asked first.</param>
/// <param name="IsQueued">Whether it waits for a host.</param>
public sealed record FleetBuild(ulong Number, string Host, bool IsQueued);

/// <summary>The answer to an owner.</summary>
/// <param name="State">Whether the execution is still its own.</param>
/// <param name="Waiters">Other hosts that wait.</param>
/// <param name="LogBytes">Bytes of the log that they can read.</param>
public sealed record FleetRenewal(FleetState State, int Waiters, long LogBytes);

/// <summary>News of an execution: bytes of its log, or its end.</summary>
/// <param name="Log">The next bytes.</param>
/// <param name="State">Whether this is the last.</param>
/// <param name="Result">How it ended, where it has.</param>
/// <param name="Terms">How it was built, where it has ended.</param>
/// <param name="Host">Where it runs, told once when it does.</param>
public sealed record FleetNews(
    ReadOnlyMemory<byte> Log, FleetState State, StepResult? Result = null, FleetTerms? Terms = null, string? Host = null);

/// <summary>How far an execution is.</summary>
public enum FleetState
{
    /// <summary>Its owner builds.</summary>
    Running,

    /// <summary>There is a result.</summary>
    Ended,

    /// <summary>Its owner is gone, or does not build it after all; or for the owner: another has taken over. The step is to be claimed anew.</summary>
    Lost,

    /// <summary>An administrator has ended it.</summary>
    Cancelled,
}

/// <summary>What became of an end.</summary>
public enum FleetEnd
{
    /// <summary>It is registered.</summary>
    Registered,

    /// <summary>One of the outputs is valid with other content, which stays.</summary>
    OthersValid,

    /// <summary>The execution was not this host's any more: nothing is registered.</summary>
    Lost,

    /// <summary>An administrator had ended it: nothing is registered.</summary>
    Cancelled,
}

/// <summary>An output that has been compared with what the builder's Nix says of it, and is not registered yet.</summary>
/// <param name="Import">Its bytes, on their way; the caller disposes it.</param>
/// <param name="Info">What is to be recorded.</param>
public sealed record BuiltOutput(IPathImport Import, PathInfo Info);
