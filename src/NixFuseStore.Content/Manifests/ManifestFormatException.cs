namespace NixFuseStore.Content;

/// <summary>Bytes that claim to be a manifest, or a section of one, are not canonical ones. The message says what is wrong with them.</summary>
public sealed class ManifestFormatException : FormatException
{
    /// <summary>Creates the exception without a message.</summary>
    public ManifestFormatException()
    {
    }

    /// <summary>Creates the exception with a message of one line.</summary>
    public ManifestFormatException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a message and its cause.</summary>
    public ManifestFormatException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
