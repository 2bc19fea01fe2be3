namespace NixFuseStore.Client.Server;

/// <summary>The server refuses the caller: no token, a wrong or revoked one, or one without the right that is needed.</summary>
public sealed class StoreAccessException : StoreClientException
{
    /// <summary>An error without words.</summary>
    public StoreAccessException()
    {
    }

    /// <summary>An error with a one-line message.</summary>
    public StoreAccessException(string message)
        : base(message)
    {
    }

    /// <summary>An error with a one-line message and its cause.</summary>
    public StoreAccessException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
