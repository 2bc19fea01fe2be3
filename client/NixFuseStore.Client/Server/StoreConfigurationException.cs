namespace NixFuseStore.Client.Server;

/// <summary>The command line or the server's answer makes the store unusable: no such store, another protocol, no trusted key.</summary>
public sealed class StoreConfigurationException : StoreClientException
{
    /// <summary>An error without words.</summary>
    public StoreConfigurationException()
    {
    }

    /// <summary>An error with a one-line message.</summary>
    public StoreConfigurationException(string message)
        : base(message)
    {
    }

    /// <summary>An error with a one-line message and its cause.</summary>
    public StoreConfigurationException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
