namespace NixFuseStore.Cli.Errors;

/// <summary>The command was called wrongly, in a way that the parser could not see. Exit status 2.</summary>
internal sealed class UsageException(string message) : Exception(message);
