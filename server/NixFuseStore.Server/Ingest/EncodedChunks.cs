using System.Buffers;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Packs;

namespace NixFuseStore.Server.Ingest;

/// <summary>The chunks of a group in the form in which packs keep them, one behind the other in rented memory, until disposal.</summary>
internal sealed class EncodedChunks : IDisposable
{
    private byte[] _buffer;

    /// <summary>Compresses chunks of the group, on the calling thread.</summary>
    /// <param name="group">Must live as long: what compression makes no smaller stays where it is.</param>
    /// <param name="wanted">Which of them.</param>
    /// <param name="level">A level of zstd's.</param>
    /// <param name="cancellation">Looked at between chunks.</param>
    public EncodedChunks(CutChunks group, bool[] wanted, int level, CancellationToken cancellation)
    {
        // Each frame that is kept is shorter than its chunk, so there is always room for the worst case of the next.
        _buffer = ArrayPool<byte>.Shared.Rent(group.Bytes + Zstd.CompressBound(ChunkingParameters.ChunkBytesMax) - ChunkingParameters.ChunkBytesMax);
        var uploads = new List<ChunkUpload>(group.Count);
        try
        {
            var written = 0;
            for (var i = 0; i < group.Count; i++)
            {
                if (wanted[i])
                {
                    cancellation.ThrowIfCancellationRequested();
                    uploads.Add(Encode(group.Id(i), group.Plain(i), level, ref written));
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        Uploads = uploads;
    }

    public IReadOnlyList<ChunkUpload> Uploads { get; } = [];

    public void Dispose()
    {
        if (_buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = [];
        }
    }

    private ChunkUpload Encode(in ChunkId id, ReadOnlyMemory<byte> plain, int level, ref int written)
    {
        var length = Zstd.Compress(plain.Span, _buffer.AsSpan(written), level);
        if (length >= plain.Length)
        {
            return new ChunkUpload(id, ChunkEncoding.Plain, plain.Length, plain);
        }

        var frame = _buffer.AsMemory(written, length);
        written += length;
        return new ChunkUpload(id, ChunkEncoding.Zstd, plain.Length, frame);
    }
}
