using System.Net;

namespace NixFuseStore.Protocol.DataPlane;

/// <summary>A request body of unknown length that is written as it is produced.</summary>
internal sealed class UploadContent(Func<UploadFrameWriter, CancellationToken, Task> produce) : HttpContent
{
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        var writer = new UploadFrameWriter(stream);
        try
        {
            await produce(writer, cancellationToken).ConfigureAwait(false);
            await writer.FlushAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            writer.Return();
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
