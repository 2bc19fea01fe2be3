namespace NixFuseStore.Cli.Errors;

/// <summary>A failure whose message is the line the user sees: what failed, on what, why, what to do. Exit status 1.</summary>
internal sealed class CliException(string message, Exception? inner = null) : Exception(message, inner);
