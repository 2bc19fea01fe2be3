namespace NixFuseStore.Daemon.Wire;

/// <summary>The client has gone, or may not stay.</summary>
internal sealed class ConnectionEndedException(string message, Exception? cause = null) : Exception(message, cause);
