namespace NixFuseStore.Daemon;

/// <summary>
/// An operation failed in a way that the client is told; the message is one line that says what failed, on what and why, without
/// <c>error:</c> in front. The connection stays usable.
/// </summary>
public sealed class DaemonStoreException : Exception
{
    /// <summary>Without a cause.</summary>
    public DaemonStoreException(string message)
        : base(message)
    {
    }

    /// <summary>With a cause, for logs.</summary>
    public DaemonStoreException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>An empty message says nothing; prefer the others.</summary>
    public DaemonStoreException()
    {
    }
}
