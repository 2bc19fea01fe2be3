namespace NixFuseStore.Server.Base;

/// <summary>What is claimed of a path does not hold; the message is the line that they are told. Concerns this path only.</summary>
internal sealed class RejectedRequestException(string message) : Exception(message);
