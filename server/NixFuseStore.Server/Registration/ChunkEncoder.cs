using System.Buffers;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Packs;

namespace NixFuseStore.Server.Registration;

/// <summary>Puts plain chunks into the form in which packs keep them.</summary>
internal static class ChunkEncoder
{
    /// <summary>Compresses a chunk, or leaves it as it is where that makes it no smaller.</summary>
    /// <param name="id">Its name.</param>
    /// <param name="plain">Its bytes; the result may go on using them.</param>
    /// <param name="level">A level of zstd's.</param>
    public static ChunkUpload Encode(in ChunkId id, ReadOnlyMemory<byte> plain, int level)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(Zstd.CompressBound(plain.Length));
        try
        {
            var length = Zstd.Compress(plain.Span, buffer, level);
            return length < plain.Length
                ? new ChunkUpload(id, ChunkEncoding.Zstd, plain.Length, buffer.AsSpan(0, length).ToArray())
                : new ChunkUpload(id, ChunkEncoding.Plain, plain.Length, plain);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
