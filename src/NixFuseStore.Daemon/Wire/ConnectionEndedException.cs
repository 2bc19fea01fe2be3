namespace NixFuseStore.Daemon.Wire;

/// <summary>There is nobody at the other end any more, or nobody who may stay.</summary>
internal sealed class ConnectionEndedException(string message, Exception? cause = null) : Exception(message, cause);
