namespace NixFuseStore.Client.Server;

/// <summary>The server could not be reached, or did not answer in time. Trying again later may help.</summary>
public sealed class StoreUnavailableException : StoreClientException
{
    /// <summary>An error without words.</summary>
    public StoreUnavailableException()
    {
    }

    /// <summary>An error with a one-line message.</summary>
    public StoreUnavailableException(string message)
        : base(message)
    {
    }

    /// <summary>An error with a one-line message and its cause.</summary>
    public StoreUnavailableException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
