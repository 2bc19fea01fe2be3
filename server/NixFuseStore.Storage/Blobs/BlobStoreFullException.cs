namespace NixFuseStore.Storage.Blobs;

/// <summary>The blob store has no space left. What is stored can still be read; storing works again once there is space.</summary>
public sealed class BlobStoreFullException : IOException
{
    /// <summary>Creates the exception.</summary>
    public BlobStoreFullException()
    {
    }

    /// <summary>Creates the exception with a one-line message that names the blob store.</summary>
    public BlobStoreFullException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a one-line message and its cause.</summary>
    public BlobStoreFullException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
