namespace NixFuseStore.Storage.Metadata;

/// <summary>A server tried to go on with an open pack that another one has taken over since its lease ran out.</summary>
public sealed class PackLostException : IOException
{
    /// <summary>Creates the exception.</summary>
    public PackLostException()
    {
    }

    /// <summary>Creates the exception with a one-line message that names the pack.</summary>
    public PackLostException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a one-line message and its cause.</summary>
    public PackLostException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
