using System.Buffers;
using System.IO.Pipelines;

namespace NixFuseStore.Server.BinaryCache;

/// <summary>A response as a stream that is written without waiting; who writes flushes the response in between.</summary>
internal sealed class NarOutput(PipeWriter output) : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Waits until the client has taken most of what was written.</summary>
    /// <returns>0: so many bytes are not flushed.</returns>
    /// <exception cref="OperationCanceledException">The client has left.</exception>
    public static async ValueTask<int> FlushAsync(PipeWriter output, CancellationToken cancellation)
    {
        var result = await output.FlushAsync(cancellation).ConfigureAwait(false);
        return result.IsCompleted || result.IsCanceled ? throw new OperationCanceledException("the client left") : 0;
    }

    public override void Write(ReadOnlySpan<byte> buffer) => output.Write(buffer);

    public override void Write(byte[] buffer, int offset, int count) => output.Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
        // Only who writes knows when to wait.
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
