using Grpc.Core;

namespace NixFuseStore.Protocol.DataPlane;

/// <summary>A request on the data plane failed. The statuses are those of the control plane, so that callers treat both alike.</summary>
public sealed class DataPlaneException : Exception
{
    /// <summary>Makes the exception; <paramref name="detail"/> is one line for a person.</summary>
    public DataPlaneException(StatusCode code, string detail, Exception? inner = null)
        : base(detail, inner)
    {
        StatusCode = code;
    }

    /// <summary>What kind of failure; <c>UNAVAILABLE</c> may be tried again.</summary>
    public StatusCode StatusCode { get; }
}
