using System.Text.Json.Serialization;
using NixFuseStore.Fuse.Mounting;

namespace NixFuseStore.Supervisor.Messages;

/// <summary>What the supervisor and its worker tell each other: one JSON object a message, open files beside it.</summary>
/// <param name="Kind">What it is about.</param>
public sealed record SupervisorMessage(MessageKind Kind)
{
    /// <summary>The version of messages and state that this program speaks.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Another one ends the conversation: the two programs do not fit together.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>A line for the user, why something failed, or a program.</summary>
    public string? Text { get; init; }

    /// <summary>An exit status.</summary>
    public int? Status { get; init; }

    /// <summary>Of <see cref="MessageKind.Unmount"/>: also while it is in use. Of <see cref="MessageKind.Unmounted"/>: whether it is gone.</summary>
    public bool Flag { get; init; }

    /// <summary>Of <see cref="MessageKind.Keep"/>, <see cref="MessageKind.Resume"/> and <see cref="MessageKind.Adopt"/>: the mount.</summary>
    public KeptMount? Mount { get; init; }

    /// <summary>Of <see cref="MessageKind.Mounted"/>: the mount.</summary>
    public FuseMountState? Made { get; init; }

    /// <summary>Of <see cref="MessageKind.Start"/>, <see cref="MessageKind.Resume"/> and <see cref="MessageKind.Adopted"/>: who sends it.</summary>
    public SupervisorState? Supervisor { get; init; }

    /// <summary>Of <see cref="MessageKind.Adopt"/>: the worker's process.</summary>
    public int ProcessId { get; init; }
}

/// <summary>Kinds of messages; each says who sends it, and which open files come with it.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<MessageKind>))]
public enum MessageKind
{
    /// <summary>To the worker: make the mount.</summary>
    Start,

    /// <summary>To the worker: go on with a mount. Files: those of <see cref="Keep"/>.</summary>
    Resume,

    /// <summary>To a worker of another version: make ready to go on with a mount that another process serves. Files: those of <see cref="Keep"/>.</summary>
    Prepare,

    /// <summary>To the supervisor: ready, and able to go on with that mount.</summary>
    Prepared,

    /// <summary>To the prepared worker: the other one has ended; go on.</summary>
    Go,

    /// <summary>To the supervisor: have the program of this name serve the mount.</summary>
    Upgrade,

    /// <summary>To the worker: why there is no upgrade; nothing where the other one is ready.</summary>
    Upgrading,

    /// <summary>To the worker: stop at a request boundary, write what is to be written, and end. Another one goes on.</summary>
    Release,

    /// <summary>To the supervisor: a line for the user who waits for the mount.</summary>
    Note,

    /// <summary>To the supervisor: starting failed, with the exit status for the user.</summary>
    Failed,

    /// <summary>To the supervisor: there is a mount, which is not usable yet: it goes where starting fails.</summary>
    Mounted,

    /// <summary>To the supervisor: the mount is usable. Files: <see cref="KeptMount"/> has their order.</summary>
    Keep,

    /// <summary>To the supervisor: a request of the kernel was answered.</summary>
    Served,

    /// <summary>To the worker: answer this, to show that you are alive.</summary>
    Ping,

    /// <summary>To the supervisor: the answer to <see cref="Ping"/>.</summary>
    Pong,

    /// <summary>To the supervisor: the daemon's socket is closed. A copy of it would keep the file system alive, though it is unmounted.</summary>
    DaemonEnded,

    /// <summary>To the supervisor: unmount.</summary>
    Unmount,

    /// <summary>To the worker: what came of it.</summary>
    Unmounted,

    /// <summary>To the supervisor: end the mount. To the worker: it is ended; put everything away.</summary>
    Stop,

    /// <summary>To the supervisor: everything is put away, and no other worker is to follow.</summary>
    Ended,

    /// <summary>To the worker: this supervisor becomes another version of itself; hand it the mount once more.</summary>
    Restarting,

    /// <summary>To a new supervisor whose predecessor has died. Files: those of <see cref="Keep"/>, and the worker's pidfd behind them.</summary>
    Adopt,

    /// <summary>To the worker: the new supervisor has the mount.</summary>
    Adopted,
}

/// <summary>What the worker's status says of its supervisor.</summary>
/// <param name="ProcessId">Its process.</param>
/// <param name="Restarts">Workers that were replaced since the mount was made.</param>
/// <param name="LastReason">Why the last of them was; null where none was.</param>
/// <param name="OutOfMemoryScore">The worker's <c>oom_score_adj</c>, which must not be the supervisor's.</param>
public sealed record SupervisorState(int ProcessId, int Restarts, string? LastReason, int OutOfMemoryScore);

/// <summary>The messages as JSON, without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(SupervisorMessage))]
internal sealed partial class MessageJson : JsonSerializerContext;
