using Google.Protobuf;

namespace NixFuseStore.Server.Grpc;

/// <summary>One method: makes its request message and answers it.</summary>
internal abstract class GrpcMethod
{
    public abstract IMessage CreateRequest();

    public abstract Task AnswerAsync(IMessage request, CallContext call, IResponseWriter response);
}
