using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Packs;

/// <summary>A pack that this process writes. Calls must not overlap. Disposing leaves it open for recovery.</summary>
internal sealed class OpenPack(PackRecord record, IBlobWriter writer, IEnumerable<IndexedChunk> chunks) : IAsyncDisposable
{
    private readonly List<IndexedChunk> _chunks = [.. chunks];

    public PackRecord Record { get; } = record;

    public long Length => writer.Length;

    public bool IsEmpty => writer.Length <= PackFormat.HeaderBytes;

    /// <summary>Appends chunks side by side and makes them durable; says where they lie.</summary>
    public async Task<IReadOnlyList<IndexedChunk>> AppendAsync(IReadOnlyList<ChunkUpload> uploads, CancellationToken cancellationToken)
    {
        var added = new List<IndexedChunk>(uploads.Count);
        long offset = writer.Length;
        foreach (var upload in uploads)
        {
            var place = new ChunkLocation(
                Record.Id,
                checked((int)offset),
                upload.Payload.Length,
                upload.PlainLength,
                upload.Encoding,
                StoredSum.Of(upload.Payload.Span));
            added.Add(new IndexedChunk(upload.Id, place));
            offset += upload.Payload.Length;
        }

        await writer.AppendAsync([.. uploads.Select(upload => upload.Payload)], cancellationToken).ConfigureAwait(false);
        await writer.FlushAsync(cancellationToken).ConfigureAwait(false);
        _chunks.AddRange(added);
        return added;
    }

    /// <summary>Writes the footer and closes the pack. On <see cref="BlobStoreFullException"/> it stays as it was.</summary>
    public async Task SealAsync(CancellationToken cancellationToken)
    {
        await writer.AppendAsync([PackFormat.CreateFooter(_chunks, writer.Length)], cancellationToken).ConfigureAwait(false);
        await writer.SealAsync(cancellationToken).ConfigureAwait(false);
    }

    public ValueTask DisposeAsync() => writer.DisposeAsync();
}
