using Google.Protobuf;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>One method: makes its request message and answers it.</summary>
internal abstract class GrpcMethod
{
    /// <summary>Whether calls go on until one side ends them: a server that stops does not wait for these.</summary>
    public bool IsEndless { get; init; }

    public abstract IMessage CreateRequest();

    public abstract Task AnswerAsync(IMessage request, CallContext call, IResponseWriter response);
}
