namespace NixFuseStore.Daemon.Building;

/// <summary>What was to be made valid is not; old clients are told so with an exit status of its own.</summary>
internal sealed class BuildFailedException(string message) : Exception(message);
