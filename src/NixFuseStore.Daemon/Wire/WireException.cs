namespace NixFuseStore.Daemon.Wire;

/// <summary>
/// The client's bytes are no request of this protocol. The client is told the message; where its next request begins is not known
/// any more, so the connection ends, unless the bytes came in frames.
/// </summary>
internal sealed class WireException(string message) : Exception(message);

/// <summary>
/// The client ended its data before they were whole: reading a file failed there, say, because it is a pipe. It tells its user why.
/// </summary>
internal sealed class AbandonedRequestException(string message) : Exception(message);
