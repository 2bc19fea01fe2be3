namespace NixFuseStore.Protocol.Grpc;

/// <summary>A call ended with another status than OK, on the client as it arrived or on the server as it is to be sent.</summary>
public sealed class RpcException : Exception
{
    /// <summary>Makes the exception; <paramref name="detail"/> is one line for a person.</summary>
    public RpcException(StatusCode code, string detail, Exception? inner = null)
        : base(detail, inner)
    {
        StatusCode = code;
    }

    /// <summary>The call's status; never <see cref="StatusCode.OK"/>.</summary>
    public StatusCode StatusCode { get; }

    /// <summary>One line that says what was wrong, as the server (or this side, where the server was not heard) put it.</summary>
    public string Detail => Message;
}
