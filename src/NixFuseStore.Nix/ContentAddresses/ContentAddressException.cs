namespace NixFuseStore.Nix.ContentAddresses;

/// <summary>A content address is not that of a path, or of its content; the message, one line, says why.</summary>
public sealed class ContentAddressException : FormatException
{
    /// <summary>An error without words.</summary>
    public ContentAddressException()
    {
    }

    /// <summary>An error with a one-line message.</summary>
    public ContentAddressException(string message)
        : base(message)
    {
    }

    /// <summary>An error with a one-line message and its cause.</summary>
    public ContentAddressException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
