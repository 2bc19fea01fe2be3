using System.IO.Pipelines;
using Microsoft.AspNetCore.Http.Features;

namespace NixFuseStore.Server.Transfers;

/// <summary>The body of a response, whose reader may not be slower than a rate.</summary>
internal sealed class PacedResponse : IHttpResponseBodyFeature
{
    private readonly IHttpResponseBodyFeature _inner;

    private PacedResponse(IHttpResponseBodyFeature inner, TransferPace pace)
    {
        _inner = inner;
        Writer = new PacedPipeWriter(inner.Writer, pace);
    }

    public Stream Stream => Writer.AsStream(leaveOpen: true);

    public PipeWriter Writer { get; }

    /// <summary>From now on the response is paced.</summary>
    public static void Install(HttpContext context, TransferPace pace) =>
        context.Features.Set<IHttpResponseBodyFeature>(new PacedResponse(context.Features.GetRequiredFeature<IHttpResponseBodyFeature>(), pace));

    /// <summary>Gives the response back as it was, before the pace is disposed of.</summary>
    public static void Remove(HttpContext context)
    {
        if (context.Features.Get<IHttpResponseBodyFeature>() is PacedResponse paced)
        {
            context.Features.Set(paced._inner);
        }
    }

    public void DisableBuffering() => _inner.DisableBuffering();

    public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) =>
        _inner.SendFileAsync(path, offset, count, cancellationToken);

    public Task StartAsync(CancellationToken cancellationToken = default) => _inner.StartAsync(cancellationToken);

    public Task CompleteAsync() => _inner.CompleteAsync();

    private sealed class PacedPipeWriter(PipeWriter inner, TransferPace pace) : PipeWriter
    {
        private long _unflushed;

        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override void Advance(int bytes)
        {
            _unflushed += bytes;
            inner.Advance(bytes);
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            var bytes = _unflushed;
            _unflushed = 0;
            return pace.WaitAsync(inner.FlushAsync, _ => bytes);
        }

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);
    }
}
