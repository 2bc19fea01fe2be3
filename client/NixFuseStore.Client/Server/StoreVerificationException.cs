namespace NixFuseStore.Client.Server;

/// <summary>What a server sent does not verify: a signature, a digest or a chunk is wrong. Nothing of it was used.</summary>
public sealed class StoreVerificationException : StoreClientException
{
    /// <summary>An error without words.</summary>
    public StoreVerificationException()
    {
    }

    /// <summary>An error with a one-line message.</summary>
    public StoreVerificationException(string message)
        : base(message)
    {
    }

    /// <summary>An error with a one-line message and its cause.</summary>
    public StoreVerificationException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
