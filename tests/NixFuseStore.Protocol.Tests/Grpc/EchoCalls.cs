using Google.Protobuf;
using Grpc.Core;
using NixFuseStore.Protocol.Grpc;

namespace NixFuseStore.Protocol.Tests.Grpc;

/// <summary>Calls to methods of the echo server, which stand in no proto.</summary>
internal static class EchoCalls
{
    private static readonly Marshaller<GetStoreRequest> Messages =
        Marshallers.Create(static message => message.ToByteArray(), GetStoreRequest.Parser.ParseFrom);

    public static Task<GetStoreRequest> CallAsync(
        this RpcChannel channel, string method, GetStoreRequest request, TimeSpan? deadline, CancellationToken cancellation) => channel.UnaryAsync(
        (request, options) => channel.Invoker.AsyncUnaryCall(Of(MethodType.Unary, method), null, options, request),
        request,
        deadline,
        cancellation,
        method);

    public static IAsyncEnumerable<GetStoreRequest> StreamAsync(
        this RpcChannel channel, string method, TimeSpan? deadline, CancellationToken cancellation) => channel.ServerStreamingAsync(
        (request, options) => channel.Invoker.AsyncServerStreamingCall(Of(MethodType.ServerStreaming, method), null, options, request),
        new GetStoreRequest(),
        deadline,
        cancellation,
        method);

    private static Method<GetStoreRequest, GetStoreRequest> Of(MethodType type, string name) => new(type, "test", name, Messages, Messages);
}
