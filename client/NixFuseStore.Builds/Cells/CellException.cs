namespace NixFuseStore.Builds.Cells;

/// <summary>A cell cannot be set up, or stock Nix failed in it; the message is the continuation of "cannot build … :".</summary>
internal sealed class CellException(string message, Exception? innerException = null) : Exception(message, innerException);
