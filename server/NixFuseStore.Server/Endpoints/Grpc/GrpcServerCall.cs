using System.Buffers;
using System.Globalization;
using Google.Protobuf;
using NixFuseStore.Protocol.Grpc;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>One call as it stands on the wire: reads its message, writes messages and the status.</summary>
internal sealed class GrpcServerCall(HttpContext context, int messageBytesMax) : IResponseWriter
{
    /// <summary>Reads the only message of the request.</summary>
    /// <exception cref="RpcException">It is missing, too long, compressed or no such message.</exception>
    public async Task ReadRequestAsync(IMessage message, CancellationToken cancellation)
    {
        var reader = context.Request.BodyReader;
        while (true)
        {
            var result = await reader.ReadAsync(cancellation).ConfigureAwait(false);
            var buffer = result.Buffer;
            if (TryTakeMessage(buffer, out var body))
            {
                Parse(message, body);
                reader.AdvanceTo(buffer.End);
                return;
            }

            if (result.IsCompleted)
            {
                throw new RpcException(StatusCode.Internal, "the request's message is cut off");
            }

            reader.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    public async ValueTask WriteAsync(IMessage message)
    {
        var length = message.CalculateSize();
        var writer = context.Response.BodyWriter;
        StartResponse();
        GrpcWire.WritePrefix(writer.GetSpan(GrpcWire.PrefixBytes), length);
        writer.Advance(GrpcWire.PrefixBytes);
        message.WriteTo(writer);
        await writer.FlushAsync(context.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>Ends the call: in the trailers where messages went before, among the headers otherwise.</summary>
    public void WriteStatus(StatusCode code, string detail)
    {
        var number = ((int)code).ToString(CultureInfo.InvariantCulture);
        if (context.Response.HasStarted)
        {
            context.Response.AppendTrailer("grpc-status", number);
            if (detail.Length > 0)
            {
                context.Response.AppendTrailer("grpc-message", GrpcWire.EncodeMessage(detail));
            }
        }
        else
        {
            StartResponse();
            context.Response.Headers["grpc-status"] = number;
            if (detail.Length > 0)
            {
                context.Response.Headers["grpc-message"] = GrpcWire.EncodeMessage(detail);
            }
        }
    }

    private bool TryTakeMessage(in ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> body)
    {
        body = default;
        if (buffer.Length < GrpcWire.PrefixBytes)
        {
            return false;
        }

        Span<byte> prefix = stackalloc byte[GrpcWire.PrefixBytes];
        buffer.Slice(0, GrpcWire.PrefixBytes).CopyTo(prefix);
        var length = GrpcWire.ReadPrefix(prefix, messageBytesMax);
        if (buffer.Length < GrpcWire.PrefixBytes + (long)length)
        {
            return false;
        }

        if (buffer.Length > GrpcWire.PrefixBytes + (long)length)
        {
            throw new RpcException(StatusCode.Internal, "the request has more than one message");
        }

        body = buffer.Slice(GrpcWire.PrefixBytes);
        return true;
    }

    private static void Parse(IMessage message, in ReadOnlySequence<byte> body)
    {
        try
        {
            message.MergeFrom(body);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new RpcException(StatusCode.InvalidArgument, $"the request's message cannot be read: {e.Message}", e);
        }
    }

    private void StartResponse()
    {
        if (!context.Response.HasStarted)
        {
            context.Response.ContentType = GrpcWire.ContentType;
        }
    }
}
