using System.Buffers;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Server.Hosting;
using NixFuseStore.Server.Registration;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.BinaryCache;

/// <summary>
/// Takes NAR files of any size as they come, cuts them into chunks and stores those, with memory for two groups of chunks and for the
/// manifest. Nothing is registered here; of a file that is refused or cut off, only chunks without an owner are left.
/// </summary>
internal sealed class NarReceiver(IChunkIndex index, ChunkStore chunks, VerifiedManifests verified, ServerLimits limits)
{
    /// <summary>So much of the NAR is cut at once.</summary>
    private const int PieceBytes = 128 << 10;

    private readonly Turns _files = new(limits.UploadRequestsMax);

    /// <summary>Reads a file to its end.</summary>
    /// <param name="store">Where its chunks go.</param>
    /// <param name="scope">The stores whose chunks need not be stored again.</param>
    /// <param name="file">The compressed file.</param>
    /// <param name="narBytesMax">The NAR may not be longer.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="RefusedException">It is no NAR, or not compressed in a way that is known here.</exception>
    public async Task<ReceivedNar> ReceiveAsync(StoreRecord store, ChunkScope scope, Stream file, ulong narBytesMax, CancellationToken cancellation)
    {
        using var turn = await _files.TakeAsync(cancellation).ConfigureAwait(false);
        using var upload = new UploadStream(file);
        var start = await upload.PeekAsync(NarCompressions.DetectionBytes, cancellation).ConfigureAwait(false);
        if (!NarCompressions.TryDetect(start.Span, out var compression))
        {
            throw new RefusedException("the file is no NAR, plain or compressed with xz, bzip2, zstd or gzip");
        }

        var directory = new StoreDirectory(store.StoreDirectory);
        var cut = new CutChunkStore(index, chunks, store, scope, limits);
        await using (cut.ConfigureAwait(false))
        {
            using var hasher = new NarHasher();
            var builder = new ContentBuilder(directory, cut, Parameters(store));
            try
            {
                await CutAsync(upload, compression.Value, new TeeNarVisitor(hasher, builder, new TreeBound(limits.SectionBytesMax)), cut, narBytesMax, cancellation).ConfigureAwait(false);
            }
            catch (Exception e) when (e is NarFormatException or ManifestFormatException or InvalidDataException)
            {
                throw new RefusedException($"the NAR cannot be read: {e.Message.TrimEnd('.')}");
            }

            var manifest = builder.Finish();
            await cut.FinishAsync(cancellation).ConfigureAwait(false);
            var (hash, size) = (hasher.Finish(), hasher.Size);

            // What this server has cut itself needs no proof when it is registered.
            verified.Add(manifest.Digest, directory, hash, size);
            return new ReceivedNar(manifest, hash, size, compression.Value, upload.Finish(), (ulong)upload.Position);
        }
    }

    private static async Task CutAsync(
        UploadStream upload, NarCompression compression, INarVisitor visitor, CutChunkStore cut, ulong narBytesMax, CancellationToken cancellation)
    {
        var parser = new NarParser(visitor);
        var piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        var plain = CompressionStreams.OpenReader(compression, upload);
        try
        {
            while (true)
            {
                // Decompressors give what they have; a bigger piece means fewer turns through everything behind.
                var length = await plain.ReadAtLeastAsync(piece, PieceBytes, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
                if (parser.Write(piece.AsSpan(0, length)) < length)
                {
                    throw new NarFormatException("The NAR has ended, but more bytes follow.");
                }

                if (parser.BytesConsumed > narBytesMax)
                {
                    throw new NarFormatException($"The NAR has more than {narBytesMax} bytes.");
                }

                await cut.StoreFullAsync(cancellation).ConfigureAwait(false);
                if (length < PieceBytes)
                {
                    break;
                }
            }

            parser.Complete();

            // A decompressor may have stopped before the end of the file, whose hash is over all of it.
            while (await upload.ReadAsync(piece, cancellation).ConfigureAwait(false) > 0)
            {
            }
        }
        finally
        {
            if (plain != upload)
            {
                await plain.DisposeAsync().ConfigureAwait(false);
            }

            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    private static ChunkingParameters Parameters(StoreRecord store) => ChunkingParameters.TryGet((uint)store.ChunkingParameters, out var parameters)
        ? parameters
        : throw new RefusedException($"store {store.Name} uses chunking parameters {store.ChunkingParameters}, which this server does not know");
}
