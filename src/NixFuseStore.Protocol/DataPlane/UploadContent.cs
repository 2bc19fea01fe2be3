using System.Net;

namespace NixFuseStore.Protocol.DataPlane;

/// <summary>A request body that is written as it is produced.</summary>
/// <param name="write">Writes it.</param>
/// <param name="bytes">Its length, where that is known before.</param>
internal sealed class UploadContent(Func<Stream, CancellationToken, Task> write, ulong? bytes = null) : HttpContent
{
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) =>
        write(stream, cancellationToken);

    protected override bool TryComputeLength(out long length)
    {
        length = (long)(bytes ?? 0);
        return bytes is not null;
    }
}
