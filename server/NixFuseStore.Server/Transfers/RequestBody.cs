using System.Buffers;
using System.IO.Pipelines;
using Grpc.Core;

namespace NixFuseStore.Server.Transfers;

/// <summary>Reads request bodies. What is wrong with their HTTP framing, Kestrel tells by exceptions of many kinds; here it becomes one.</summary>
internal static class RequestBody
{
    /// <summary>Reads on.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: the body is malformed or was cut off.</exception>
    public static async ValueTask<ReadResult> ReadAsync(PipeReader body, CancellationToken cancellation)
    {
        try
        {
            return await body.ReadAsync(cancellation).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"the request's body cannot be read: {e.Message}", e));
        }
    }

    /// <summary>Reads a whole body.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: it is malformed, was cut off, or is longer than allowed.</exception>
    public static async ValueTask<byte[]> ReadAllAsync(PipeReader body, int bytesMax, CancellationToken cancellation)
    {
        while (true)
        {
            var result = await ReadAsync(body, cancellation).ConfigureAwait(false);
            if (result.Buffer.Length > bytesMax)
            {
                throw new RpcException(new Status(StatusCode.InvalidArgument, $"the request is longer than {bytesMax} bytes"));
            }

            if (result.IsCompleted)
            {
                var bytes = result.Buffer.ToArray();
                body.AdvanceTo(result.Buffer.End);
                return bytes;
            }

            body.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }
}
