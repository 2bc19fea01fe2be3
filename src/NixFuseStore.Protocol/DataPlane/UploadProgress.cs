namespace NixFuseStore.Protocol.DataPlane;

/// <summary>
/// Ends an upload that the server takes nothing of, or does not answer. Time in which the upload's own source has nothing to send does not
/// count: a program may take as long as it likes to write what it adds.
/// </summary>
internal sealed class UploadProgress : IDisposable
{
    /// <summary>Bytes a second that the slowest server that still counts as alive hashes and stores; it does so while they come, mostly.</summary>
    private const double VerifyRateMin = 4 * 1024 * 1024;

    private readonly TimeSpan _takenWithin;
    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _end;
    private long _taken;

    /// <param name="takenWithin">How long the server may take nothing; to answer, once it has everything, it has as long and what that takes to compute.</param>
    /// <param name="caller">Gives up.</param>
    public UploadProgress(TimeSpan takenWithin, CancellationToken caller)
    {
        _takenWithin = takenWithin;
        _caller = caller;
        _end = CancellationTokenSource.CreateLinkedTokenSource(caller);
    }

    /// <summary>Cancelled when the upload has to end.</summary>
    public CancellationToken Token => _end.Token;

    /// <summary>Whether the server was too slow.</summary>
    public bool IsLate => _end.IsCancellationRequested && !_caller.IsCancellationRequested;

    /// <summary>The body's stream, watched.</summary>
    public Stream Watch(Stream body) => new WatchedStream(body, this);

    /// <summary>Everything was sent.</summary>
    public void OnSent() => _end.CancelAfter(_takenWithin + TimeSpan.FromSeconds(_taken / VerifyRateMin));

    public void Dispose() => _end.Dispose();

    private sealed class WatchedStream(Stream body, UploadProgress progress) : Stream
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

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            progress._end.CancelAfter(progress._takenWithin);
            await body.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
            progress._end.CancelAfter(Timeout.InfiniteTimeSpan);
            progress._taken += buffer.Length;
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override async Task FlushAsync(CancellationToken cancellationToken)
        {
            progress._end.CancelAfter(progress._takenWithin);
            await body.FlushAsync(cancellationToken).ConfigureAwait(false);
            progress._end.CancelAfter(Timeout.InfiniteTimeSpan);
        }

        public override void Write(byte[] buffer, int offset, int count) => body.Write(buffer, offset, count);

        public override void Flush() => body.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
