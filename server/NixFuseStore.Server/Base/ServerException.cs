namespace NixFuseStore.Server.Base;

/// <summary>The server cannot start or a command cannot be done; the message is the one line that the operator reads. Exit status 1.</summary>
public sealed class ServerException : Exception
{
    /// <summary>Makes the exception.</summary>
    public ServerException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
