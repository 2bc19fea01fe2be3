using NixFuseStore.Nix;
using NixFuseStore.Nix.Realisations;

namespace NixFuseStore.Storage.Metadata;

/// <summary>A step that a host wants built, and how.</summary>
public sealed record BuildRequest
{
    /// <summary>All of the step's outputs whose paths are known beforehand: of these there is one execution at a time.</summary>
    public required IReadOnlyCollection<StorePath> Outputs { get; init; }

    /// <summary>The ids of the others, whose paths depend on their content: what they come to is recorded under these.</summary>
    public IReadOnlyCollection<string> RealisationIds { get; init; } = [];

    /// <summary>The derivation.</summary>
    public required StorePath Derivation { get; init; }

    /// <summary>SHA-256 of the derivation's text: two with the same outputs may differ in it.</summary>
    public required ReadOnlyMemory<byte> TextHash { get; init; }

    /// <summary>How it is wanted.</summary>
    public BuildWishes Wishes { get; init; } = new(0, 0, 0, KeepFailed: false);

    /// <summary>Who asks; the execution is theirs alone.</summary>
    public required string Owner { get; init; }

    /// <summary>The host, for people.</summary>
    public required string Host { get; init; }

    /// <summary>What the host calls itself: an execution that it has begun is its own when it asks again, as after an answer that was lost.</summary>
    public required string Asker { get; init; }

    /// <summary>What a host must have so that it may build the step in the caller's stead; null where none may.</summary>
    public BuildNeeds? Offered { get; init; }
}

/// <summary>What a step needs of the host that builds it.</summary>
/// <param name="System">Nix's name of a system, such as <c>x86_64-linux</c>.</param>
/// <param name="Features">Nix's system features, ascending.</param>
public sealed record BuildNeeds(string System, IReadOnlyList<string> Features);

/// <summary>A host that builds what others want.</summary>
/// <param name="Owner">Who it is; the execution is theirs.</param>
/// <param name="Host">The host, for people.</param>
/// <param name="Asker">What the host calls itself; it gets nothing that it has asked for itself.</param>
/// <param name="Systems">The systems that it builds for.</param>
/// <param name="Features">Its system features.</param>
public sealed record BuildTaker(string Owner, string Host, string Asker, IReadOnlyCollection<string> Systems, IReadOnlyCollection<string> Features);

/// <summary>How a build is wanted; 0 where there is no limit.</summary>
/// <param name="Timeout">Seconds in all.</param>
/// <param name="MaxSilentTime">Seconds without a line.</param>
/// <param name="MaxLogSize">Bytes that it may print.</param>
/// <param name="KeepFailed">Whether the directory of a failed build is wanted.</param>
public sealed record BuildWishes(ulong Timeout, ulong MaxSilentTime, ulong MaxLogSize, bool KeepFailed);

/// <summary>What becomes of an execution. The numbers stand in the database.</summary>
public enum BuildState
{
    /// <summary>Its owner builds.</summary>
    Running = 0,

    /// <summary>The builder has ended, well or not; there is a result.</summary>
    Ended = 1,

    /// <summary>Its owner could not build it, or did not want it any more; others may.</summary>
    GivenUp = 2,

    /// <summary>Its owner was not heard for a lease, and another one has taken over.</summary>
    Lost = 3,

    /// <summary>An administrator has ended it.</summary>
    Cancelled = 4,

    /// <summary>It waits for a host.</summary>
    Queued = 5,
}

/// <summary>An execution that runs, or waits for a host.</summary>
/// <param name="Number">Ascending and never given out again: what an owner does under an older number is void (a fencing number).</param>
/// <param name="Derivation">What is built.</param>
/// <param name="TextHash">SHA-256 of its text.</param>
/// <param name="Wishes">As its owner was asked.</param>
/// <param name="Host">Where it runs.</param>
/// <param name="Created">Seconds since 1970 by the server's clock.</param>
/// <param name="Waiters">Other hosts that wait for it.</param>
/// <param name="IsQueued">Whether it waits for a host; <paramref name="Host"/> is the one that asked first then.</param>
public sealed record RunningBuild(
    long Number, StorePath Derivation, ReadOnlyMemory<byte> TextHash, BuildWishes Wishes, string Host, long Created, int Waiters, bool IsQueued);

/// <summary>The answer to one who wants a step built.</summary>
/// <param name="Owned">The number of the caller's own execution, which begins now; 0 where it is not the caller's.</param>
/// <param name="Open">Another's execution, or one that waits for a host; the caller waits for it from now on. Null where there is none.</param>
/// <param name="IsValid">Whether the outputs are valid, all of them.</param>
public sealed record BuildClaim(long Owned, RunningBuild? Open, bool IsValid = false);

/// <summary>The answer to an owner that is alive.</summary>
/// <param name="Waiters">Other hosts that wait.</param>
/// <param name="LogBytes">Bytes of the log that the database has.</param>
public sealed record BuildRenewal(int Waiters, long LogBytes);

/// <summary>How an execution ends.</summary>
public sealed record BuildEnd
{
    /// <summary>Its number.</summary>
    public required long Number { get; init; }

    /// <summary>Whose it is.</summary>
    public required string Owner { get; init; }

    /// <summary><see cref="BuildState.Ended"/> or <see cref="BuildState.GivenUp"/>.</summary>
    public required BuildState State { get; init; }

    /// <summary>The builder's status, a number of Nix's; of no meaning for one that was given up.</summary>
    public int Status { get; init; }

    /// <summary>Why it failed; empty where it did not.</summary>
    public string Message { get; init; } = "";

    /// <summary>Seconds since 1970 when the builder began; 0 where it did not.</summary>
    public long StartTime { get; init; }

    /// <summary>Seconds since 1970 when it ended; 0 where it did not begin.</summary>
    public long StopTime { get; init; }

    /// <summary>
    /// The outputs that are registered with the end, which have to be those of the step; null where none are. Where their paths depend on their
    /// content, those that are not valid yet.
    /// </summary>
    public IReadOnlyCollection<StorePath>? Outputs { get; init; }

    /// <summary>What the outputs came to whose paths were not known beforehand.</summary>
    public IReadOnlyCollection<Realisation> Realisations { get; init; } = [];

    /// <summary>All that the builder printed; what of it the database has not yet is added for those who wait.</summary>
    public ReadOnlyMemory<byte> Log { get; init; }

    /// <summary>The log to be kept under the names of these derivations, of which the step's has to be the first; null where none is.</summary>
    public (IReadOnlyList<StorePath> Derivations, BuildLog Log)? Kept { get; init; }
}

/// <summary>How far an execution is, for one that waits.</summary>
/// <param name="State">Whether it runs.</param>
/// <param name="IsAlive">Whether its owner's lease lasts; of meaning while it runs.</param>
/// <param name="Status">As in <see cref="BuildEnd"/>.</param>
/// <param name="Message">As in <see cref="BuildEnd"/>.</param>
/// <param name="StartTime">As in <see cref="BuildEnd"/>.</param>
/// <param name="StopTime">As in <see cref="BuildEnd"/>.</param>
/// <param name="Log">The next bytes of the log behind the asked-for position.</param>
/// <param name="LogBytes">Bytes of the log so far.</param>
/// <param name="TextHash">As in <see cref="RunningBuild"/>.</param>
/// <param name="Wishes">As in <see cref="RunningBuild"/>.</param>
/// <param name="Host">As in <see cref="RunningBuild"/>.</param>
public sealed record BuildProgress(
    BuildState State,
    bool IsAlive,
    int Status,
    string Message,
    long StartTime,
    long StopTime,
    ReadOnlyMemory<byte> Log,
    long LogBytes,
    ReadOnlyMemory<byte> TextHash,
    BuildWishes Wishes,
    string Host);
