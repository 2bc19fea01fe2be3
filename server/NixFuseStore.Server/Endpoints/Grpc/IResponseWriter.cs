using Google.Protobuf;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>Where a method's messages go.</summary>
internal interface IResponseWriter
{
    /// <summary>Sends one message; waits while the peer takes none.</summary>
    ValueTask WriteAsync(IMessage message);
}
