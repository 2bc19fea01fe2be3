using NixFuseStore.Fuse.Kernel;

namespace NixFuseStore.Fuse.Sessions;

/// <summary>What a session has done since it began.</summary>
/// <param name="Requests">Requests by what they asked for; only those that came at all.</param>
/// <param name="Total">All requests.</param>
/// <param name="Errors">Answers that were errors other than "not there" and "not implemented".</param>
/// <param name="InFlight">Requests now waiting away from the dispatch threads.</param>
/// <param name="Interrupted">Requests answered EINTR because their program no longer waits.</param>
/// <param name="DeadlinesMissed">Requests answered EIO because their deadline passed.</param>
/// <param name="AnswersDropped">Answers that came too late or twice.</param>
/// <param name="Malformed">Messages that were no requests.</param>
/// <param name="Unexpected">Exceptions that a file system should not have thrown.</param>
/// <param name="Notifications">Notifications sent.</param>
public sealed record FuseSessionStatistics(
    IReadOnlyDictionary<FuseOpcode, long> Requests,
    long Total,
    long Errors,
    int InFlight,
    long Interrupted,
    long DeadlinesMissed,
    long AnswersDropped,
    long Malformed,
    long Unexpected,
    long Notifications);
