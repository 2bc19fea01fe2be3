namespace NixFuseStore.Nix.LocalStores;

/// <summary>A local Nix store cannot be used. The message is one line that says what, where and why.</summary>
public sealed class LocalStoreException : IOException
{
    /// <inheritdoc/>
    public LocalStoreException()
        : this("The local Nix store cannot be used.")
    {
    }

    /// <inheritdoc/>
    public LocalStoreException(string message)
        : base(message)
    {
    }

    /// <inheritdoc/>
    public LocalStoreException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
