using NixFuseStore.Native.Streams;

namespace NixFuseStore.Server.Upstreams;

/// <summary>A download that an upstream cache may not let wait for ever. Disposing it ends the request.</summary>
internal sealed class UpstreamDownload(Stream content, HttpResponseMessage response) : ForwardReadStream
{
    private static readonly TimeSpan BytesWithin = TimeSpan.FromSeconds(20);

    /// <exception cref="UpstreamException">The download broke off, or nothing came for a while.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(BytesWithin);
        try
        {
            return await content.ReadAsync(buffer, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new UpstreamException($"no bytes came within {BytesWithin.TotalSeconds:F0} s", UpstreamFault.Transfer, e);
        }
        catch (Exception e) when (e is IOException or HttpRequestException && e is not UpstreamException)
        {
            throw new UpstreamException($"the download broke off: {e.Message}", UpstreamFault.Transfer, e);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            content.Dispose();
            response.Dispose();
        }

        base.Dispose(disposing);
    }
}
