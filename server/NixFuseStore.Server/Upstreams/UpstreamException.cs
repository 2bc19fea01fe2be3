namespace NixFuseStore.Server.Upstreams;

/// <summary>An upstream cache did not do what it should; the message is the reason. It is left out for a while, and the next one is asked.</summary>
internal sealed class UpstreamException(string message, Exception? inner = null) : IOException(message, inner);
