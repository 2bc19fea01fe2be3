namespace NixFuseStore.Client.Pushing;

/// <summary>Cancels a request in which the other side does nothing for a time. Armed only while it is the other side's turn.</summary>
internal sealed class StallTimeout(TimeSpan limit, CancellationToken cancellationToken) : IDisposable
{
    private readonly CancellationTokenSource _source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);

    /// <summary>How long the other side may do nothing.</summary>
    public TimeSpan Limit => limit;

    /// <summary>Cancelled when the time is over, or by the caller.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>It is the other side's turn.</summary>
    /// <param name="besides">Time that it has besides, for what it has to compute.</param>
    public void Arm(TimeSpan besides = default) => _source.CancelAfter(limit + besides);

    /// <summary>It is ours.</summary>
    public void Disarm() => _source.CancelAfter(Timeout.InfiniteTimeSpan);

    /// <inheritdoc/>
    public void Dispose() => _source.Dispose();
}

/// <summary>A stream to the other side: while a write waits, its time runs.</summary>
internal sealed class WatchedStream(Stream inner, StallTimeout timeout) : Stream
{
    /// <summary>Bytes that the other side has taken.</summary>
    public long BytesWritten { get; private set; }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        timeout.Arm();
        await inner.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        timeout.Disarm();
        BytesWritten += buffer.Length;
    }

    public override async Task FlushAsync(CancellationToken cancellationToken)
    {
        timeout.Arm();
        await inner.FlushAsync(cancellationToken).ConfigureAwait(false);
        timeout.Disarm();
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush() => throw new NotSupportedException();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
