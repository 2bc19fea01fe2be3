namespace NixFuseStore.Client.Server;

/// <summary>A server or a store could not be used. The message is one line: what failed, on what, why, what to do.</summary>
public class StoreClientException : IOException
{
    /// <summary>An error without words.</summary>
    public StoreClientException()
    {
    }

    /// <summary>An error with a one-line message.</summary>
    public StoreClientException(string message)
        : base(message)
    {
    }

    /// <summary>An error with a one-line message and its cause.</summary>
    public StoreClientException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
