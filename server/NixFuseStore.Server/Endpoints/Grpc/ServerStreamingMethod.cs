using Google.Protobuf;

namespace NixFuseStore.Server.Endpoints.Grpc;

internal sealed class ServerStreamingMethod<TRequest, TResponse>(Func<TRequest, CallContext, IAsyncEnumerable<TResponse>> answer) : GrpcMethod
    where TRequest : class, IMessage, new()
    where TResponse : class, IMessage
{
    public override IMessage CreateRequest() => new TRequest();

    public override async Task AnswerAsync(IMessage request, CallContext call, IResponseWriter response)
    {
        await foreach (var message in answer((TRequest)request, call).WithCancellation(call.Cancellation).ConfigureAwait(false))
        {
            await response.WriteAsync(message).ConfigureAwait(false);
        }
    }
}
