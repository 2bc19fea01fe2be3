namespace NixFuseStore.Client.ReadAhead;

/// <summary>What the policy must know of the link.</summary>
/// <param name="WindowPlainBytes">Plain bytes that the link carries in a round trip (and a half).</param>
/// <param name="Worth">
/// The share of read-ahead that must be read for it to pay: the time that a usual read takes on the wire, measured in round trips that it saves.
/// </param>
internal readonly record struct ReadAheadLink(long WindowPlainBytes, double Worth);
