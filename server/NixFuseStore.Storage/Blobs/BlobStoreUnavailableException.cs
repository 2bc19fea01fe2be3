namespace NixFuseStore.Storage.Blobs;

/// <summary>The blob store is not there, as when its disk is not mounted: nothing can be said of the packs in it.</summary>
public sealed class BlobStoreUnavailableException : IOException
{
    /// <summary>Creates the exception.</summary>
    public BlobStoreUnavailableException()
    {
    }

    /// <summary>Creates the exception with a one-line message that names the blob store.</summary>
    public BlobStoreUnavailableException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a one-line message and its cause.</summary>
    public BlobStoreUnavailableException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
