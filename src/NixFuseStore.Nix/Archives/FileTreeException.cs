namespace NixFuseStore.Nix.Archives;

/// <summary>A file tree cannot be archived: a file of a kind that NARs lack, or one that changed while it was read. The message is one line.</summary>
public sealed class FileTreeException : IOException
{
    /// <inheritdoc/>
    public FileTreeException()
        : this("The file tree cannot be archived.")
    {
    }

    /// <inheritdoc/>
    public FileTreeException(string message)
        : base(message)
    {
    }

    /// <inheritdoc/>
    public FileTreeException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
