namespace NixFuseStore.Storage.Metadata;

/// <summary>The database cannot be asked now (it is away, refuses the connection or is full). Asking again later may work.</summary>
public sealed class MetadataUnavailableException : IOException
{
    /// <summary>Creates the exception.</summary>
    public MetadataUnavailableException()
    {
    }

    /// <summary>Creates the exception with a one-line message that names the database and the cause.</summary>
    public MetadataUnavailableException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a one-line message and the driver's exception.</summary>
    public MetadataUnavailableException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
