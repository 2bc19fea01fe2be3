namespace NixFuseStore.Storage.Blobs;

/// <summary>An object that is being written is not what its writer left: it was removed or cut off from outside.</summary>
public sealed class BlobChangedException : IOException
{
    /// <summary>Creates the exception.</summary>
    public BlobChangedException()
    {
    }

    /// <summary>Creates the exception with a one-line message that names the object.</summary>
    public BlobChangedException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a one-line message and its cause.</summary>
    public BlobChangedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
