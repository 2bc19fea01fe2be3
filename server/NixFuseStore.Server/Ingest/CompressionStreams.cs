using System.IO.Compression;
using Grpc.Core;
using NixFuseStore.Native.Compression;
using NixFuseStore.Native.Streams;
using NixFuseStore.Nix.BinaryCaches;

namespace NixFuseStore.Server.Ingest;

/// <summary>The streams that read and write each <see cref="NarCompression"/>.</summary>
internal static class CompressionStreams
{
    /// <summary>What is written out again has been compressed well once; doing it again has to be quick and small in memory.</summary>
    private const int FastestXz = 0;
    private const int SmallestBzip2 = 1;

    /// <summary>Reads the plain bytes; the compressed stream stays open.</summary>
    /// <exception cref="RpcException">UNIMPLEMENTED: this host lacks the library.</exception>
    public static Stream OpenReader(NarCompression compression, Stream compressed)
    {
        Require(compression);
        return compression switch
        {
            NarCompression.None => compressed,
            NarCompression.Xz => new XzDecompressStream(compressed, leaveOpen: true),
            NarCompression.Bzip2 => new Bzip2DecompressStream(compressed, leaveOpen: true),
            NarCompression.Zstd => new ZstdDecompressStream(compressed, leaveOpen: true),
            NarCompression.Lz4 => new Lz4DecompressStream(compressed, leaveOpen: true),
            NarCompression.Lzma => new XzDecompressStream(compressed, leaveOpen: true, LzmaFormat.Lzma),
            NarCompression.Lzip => new XzDecompressStream(compressed, leaveOpen: true, LzmaFormat.Lzip),
            NarCompression.Brotli => new BrotliReader(compressed),
            NarCompression.Compress => new LzwDecompressStream(compressed, leaveOpen: true),
            _ => new GZipStream(compressed, CompressionMode.Decompress, leaveOpen: true),
        };
    }

    /// <summary>Takes plain bytes, which must be written synchronously; the compressed stream stays open.</summary>
    /// <exception cref="RpcException">UNIMPLEMENTED: this host lacks the library.</exception>
    public static Stream OpenWriter(NarCompression compression, Stream compressed)
    {
        Require(compression);
        return compression switch
        {
            NarCompression.Xz => new XzCompressStream(compressed, FastestXz, leaveOpen: true),
            NarCompression.Bzip2 => new Bzip2CompressStream(compressed, SmallestBzip2, leaveOpen: true),
            NarCompression.Gzip => new GZipStream(compressed, CompressionLevel.Fastest, leaveOpen: true),
            NarCompression.Lz4 => new Lz4CompressStream(compressed, leaveOpen: true),
            NarCompression.Lzma => new LzmaCompressStream(compressed, LzmaFormat.Lzma, leaveOpen: true),
            NarCompression.Lzip => new LzmaCompressStream(compressed, LzmaFormat.Lzip, leaveOpen: true),
            NarCompression.Brotli => new BrotliStream(compressed, CompressionLevel.Fastest, leaveOpen: true),
            NarCompression.Compress => new LzwCompressStream(compressed, leaveOpen: true),
            _ => throw new ArgumentOutOfRangeException(nameof(compression)),
        };
    }

    /// <summary>Tells malformed input as the other readers do.</summary>
    private sealed class BrotliReader(Stream compressed) : ForwardReadStream
    {
        private readonly BrotliStream _inner = new(compressed, CompressionMode.Decompress, leaveOpen: true);

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                return await _inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            }
            catch (InvalidOperationException e)
            {
                throw new InvalidDataException("The brotli data is malformed.", e);
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _inner.Dispose();
            }

            base.Dispose(disposing);
        }
    }

    private static void Require(NarCompression compression)
    {
        if (compression == NarCompression.Bzip2 && !Bzip2.IsAvailable)
        {
            throw new RpcException(new Status(StatusCode.Unimplemented, "this server has no libbz2: use another compression, for instance ?compression=zstd"));
        }

        if (compression == NarCompression.Lz4 && !Lz4.IsAvailable)
        {
            throw new RpcException(new Status(StatusCode.Unimplemented, "this server has no liblz4: use another compression, for instance ?compression=zstd"));
        }
    }
}
