using Google.Protobuf;

namespace NixFuseStore.Server.Endpoints.Grpc;

internal sealed class UnaryMethod<TRequest, TResponse>(Func<TRequest, CallContext, Task<TResponse>> answer) : GrpcMethod
    where TRequest : class, IMessage, new()
    where TResponse : class, IMessage
{
    public override IMessage CreateRequest() => new TRequest();

    public override async Task AnswerAsync(IMessage request, CallContext call, IResponseWriter response) =>
        await response.WriteAsync(await answer((TRequest)request, call).ConfigureAwait(false)).ConfigureAwait(false);
}
