using System.Buffers;
using System.IO.Pipelines;
using NixFuseStore.Native.Streams;

namespace NixFuseStore.Server.Transfers;

/// <summary>
/// The body of an upload, whose sender may not be slower than a rate. Reads are not cancelled but interrupted: Kestrel reads what is left of
/// a request that is refused, and can do so only behind a read that has ended.
/// </summary>
/// <param name="body">The body, which stays the caller's.</param>
/// <param name="pace">A pace that interrupts the body's pending read.</param>
internal sealed class PacedReadStream(PipeReader body, TransferPace pace) : ForwardReadStream
{
    /// <summary>Waits for the next bytes of a body.</summary>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT: the body is malformed or was cut off; DEADLINE_EXCEEDED: it came too slowly.</exception>
    public static ValueTask<ReadResult> ReadAsync(PipeReader body, TransferPace pace) => pace.WaitAsync(
        async _ =>
        {
            var result = await RequestBody.ReadAsync(body, CancellationToken.None).ConfigureAwait(false);
            if (result.IsCanceled)
            {
                body.AdvanceTo(result.Buffer.Start);
                throw new OperationCanceledException("the read was interrupted");
            }

            return result;
        },
        static result => result.Buffer.Length);

    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT: the body is malformed or was cut off; DEADLINE_EXCEEDED: it came too slowly.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var result = await ReadAsync(body, pace).ConfigureAwait(false);
            var length = (int)Math.Min(buffer.Length, result.Buffer.Length);
            result.Buffer.Slice(0, length).CopyTo(buffer.Span);
            body.AdvanceTo(result.Buffer.GetPosition(length));
            if (length > 0 || result.IsCompleted || buffer.IsEmpty)
            {
                return length;
            }
        }
    }
}
