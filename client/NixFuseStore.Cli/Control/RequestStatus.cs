namespace NixFuseStore.Cli.Control;

/// <summary>What the kernel asked since the mount began.</summary>
/// <param name="Total">All requests.</param>
/// <param name="ByOperation">Requests by operation.</param>
/// <param name="InFlight">Requests that wait now.</param>
/// <param name="Errors">Answers that were errors, other than "not there".</param>
/// <param name="DeadlinesMissed">Of these, those that waited too long.</param>
/// <param name="Interrupted">Requests whose program went away.</param>
internal sealed record RequestStatus(
    long Total, IReadOnlyDictionary<string, long> ByOperation, int InFlight, long Errors, long DeadlinesMissed, long Interrupted);
