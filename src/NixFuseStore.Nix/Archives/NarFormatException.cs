namespace NixFuseStore.Nix.Archives;

/// <summary>Bytes are not a NAR that this program takes. The message is one line that says what is wrong.</summary>
public sealed class NarFormatException : FormatException
{
    /// <inheritdoc/>
    public NarFormatException()
        : this("The NAR is malformed.")
    {
    }

    /// <inheritdoc/>
    public NarFormatException(string message)
        : base(message)
    {
    }

    /// <inheritdoc/>
    public NarFormatException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
