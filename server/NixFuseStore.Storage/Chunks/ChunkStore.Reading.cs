using System.Buffers;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Chunks;

/// <content>Reading from packs.</content>
public sealed partial class ChunkStore
{
    private long _reads;
    private long _bytesRead;

    /// <summary>The database may be another one than before (restored from a backup): numbers of packs are looked up again.</summary>
    public void ForgetPackNames() => _packs.ForgetNames();

    /// <summary>Fills the destination with stored bytes of a pack, for instance several neighbouring chunks at once.</summary>
    /// <exception cref="FileNotFoundException">The pack is not there.</exception>
    /// <exception cref="EndOfStreamException">The pack ends before.</exception>
    /// <exception cref="BlobStoreUnavailableException">The blob store is not there.</exception>
    public async ValueTask ReadAsync(PackId pack, long offset, Memory<byte> destination, CancellationToken cancellationToken = default)
    {
        await _packs.ReadAsync(pack, offset, destination, cancellationToken).ConfigureAwait(false);
        Interlocked.Increment(ref _reads);
        Interlocked.Add(ref _bytesRead, destination.Length);
    }

    /// <summary>Reads one chunk, decodes it and compares it with its id.</summary>
    /// <param name="id">The chunk.</param>
    /// <param name="location">Where it lies.</param>
    /// <param name="plain">Exactly <see cref="ChunkLocation.PlainLength"/> bytes.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="InvalidDataException">The pack holds other bytes than it should.</exception>
    public async ValueTask ReadVerifiedAsync(
        ChunkId id, ChunkLocation location, Memory<byte> plain, CancellationToken cancellationToken = default)
    {
        if (plain.Length != location.PlainLength)
        {
            throw new ArgumentException($"The chunk has {location.PlainLength} plain bytes, the destination {plain.Length}.", nameof(plain));
        }

        byte[] stored = ArrayPool<byte>.Shared.Rent(location.StoredLength);
        try
        {
            var payload = stored.AsMemory(0, location.StoredLength);
            await ReadAsync(location.Pack, location.Offset, payload, cancellationToken).ConfigureAwait(false);
            if (!TryDecode(payload.Span, location.Encoding, plain.Span) || ChunkId.Compute(plain.Span) != id)
            {
                throw new InvalidDataException($"Chunk {id} in pack {location.Pack} at {location.Offset} is damaged.");
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(stored);
        }
    }

    private static bool TryDecode(ReadOnlySpan<byte> payload, ChunkEncoding encoding, Span<byte> plain)
    {
        if (encoding == ChunkEncoding.Zstd)
        {
            return Zstd.TryDecompress(payload, plain, out int written) && written == plain.Length;
        }

        return payload.Length == plain.Length && payload.TryCopyTo(plain);
    }
}
