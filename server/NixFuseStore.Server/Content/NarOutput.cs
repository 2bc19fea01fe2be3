using System.Buffers;
using System.IO.Pipelines;
using NixFuseStore.Native.Streams;

namespace NixFuseStore.Server.Content;

/// <summary>A response as a stream that is written without waiting; who writes flushes the response in between.</summary>
internal sealed class NarOutput(PipeWriter output) : ForwardWriteStream
{
    /// <summary>Waits until the client has taken most of what was written.</summary>
    /// <returns>0: so many bytes are not flushed.</returns>
    /// <exception cref="OperationCanceledException">The client has left.</exception>
    public static async ValueTask<int> FlushAsync(PipeWriter output, CancellationToken cancellation)
    {
        var result = await output.FlushAsync(cancellation).ConfigureAwait(false);
        return result.IsCompleted || result.IsCanceled ? throw new OperationCanceledException("the client left") : 0;
    }

    public override void Write(ReadOnlySpan<byte> buffer) => output.Write(buffer);
}
