namespace NixFuseStore.Client.Push;

/// <summary>A local path cannot be pushed; the message, one line, says why.</summary>
internal sealed class UnreadablePathException(string message) : Exception(message);
