using System.Buffers;
using System.IO.Pipelines;
using System.Threading.RateLimiting;
using NixFuseStore.Nix;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Registration;
using NixFuseStore.Server.Transfers;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Ingest;

/// <summary>
/// Takes NARs of any size as they come, cuts them into chunks and stores those, with memory for a few groups of chunks and for the
/// manifest. Nothing is registered here; of a NAR that is refused or cut off, only chunks without an owner are left.
/// </summary>
internal sealed class NarReceiver(IChunkIndex index, ChunkStore chunks, VerifiedManifests verified, PathSizeLimit sizes, ServerLimits limits)
{
    /// <summary>So much of a file's NAR is cut at once.</summary>
    private const int PieceBytes = 128 << 10;

    /// <summary>What clients push with by default; most of an upload's time goes into the other steps.</summary>
    private const int FileCompressionLevel = 3;

    /// <summary>For who waits on this host, where compressing takes more than all the other steps together.</summary>
    private const int PlainCompressionLevel = 1;

    private readonly TransferPlaces _files = new(limits.UploadRequestsMax, limits.UploadShare, limits.UploadStalledAfter, TimeProvider.System);
    private readonly ConcurrencyLimiter _groups = Limiters.Refusing(limits.CutGroupsMax);

    /// <summary>Reads a file to its end.</summary>
    /// <param name="store">Where its chunks go.</param>
    /// <param name="principal">Who sends it: chunks of the stores that it may read need not be stored again.</param>
    /// <param name="file">The compressed file.</param>
    /// <param name="otherwise">What the file is where its first bytes do not tell.</param>
    /// <param name="narBytesMax">The NAR may not be longer.</param>
    /// <param name="pace">That of the transfer; ends it.</param>
    /// <exception cref="RejectedRequestException">It is no NAR, or not compressed in a way that is known here.</exception>
    public async Task<ReceivedNar> ReceiveAsync(
        StoreRecord store, Principal principal, Stream file, NarCompression otherwise, ulong narBytesMax, TransferPace pace)
    {
        using var place = await _files.TakeAsync(principal.Name, pace).ConfigureAwait(false);
        var cancellation = pace.Token;
        using var upload = new UploadStream(file);
        var start = await upload.PeekAsync(NarCompressions.DetectionBytes, cancellation).ConfigureAwait(false);
        if (!NarCompressions.TryDetect(start.Span, otherwise, out var detected) && otherwise == NarCompression.None)
        {
            throw new RejectedRequestException("the file is no NAR, plain or compressed with xz, bzip2, zstd, gzip, lz4, lzma, lzip, br or compress");
        }

        var compression = detected ?? otherwise;

        // A plain file is the NAR, whose hash is wanted anyway.
        upload.Hashes = compression != NarCompression.None;
        var cut = new CutChunkStore(index, chunks, store, principal.ReadableChunks, FileCompressionLevel, _groups, limits);
        await using (cut.ConfigureAwait(false))
        {
            using var cutter = new NarCutter(store, cut, Math.Min(narBytesMax, await sizes.GetAsync(store, cancellation).ConfigureAwait(false)), limits);
            try
            {
                await CutAsync(upload, compression, cutter, cut, cancellation).ConfigureAwait(false);
            }
            catch (InvalidDataException e)
            {
                throw NarCutter.Unreadable(e);
            }

            var nar = await FinishAsync(store, cutter, cut, cancellation).ConfigureAwait(false);
            return nar with { Compression = compression, FileHash = upload.Hashes ? upload.Finish() : nar.NarHash, FileSize = (ulong)upload.Position };
        }
    }

    /// <summary>Reads a NAR as it is, to its end.</summary>
    /// <param name="store">Where its chunks go.</param>
    /// <param name="principal">Who sends it: chunks of the stores that it may read need not be stored again.</param>
    /// <param name="body">The NAR.</param>
    /// <param name="narBytesMax">The NAR may not be longer.</param>
    /// <param name="pace">That of the transfer; ends it.</param>
    /// <exception cref="RejectedRequestException">It is no NAR.</exception>
    public async Task<ReceivedNar> ReceivePlainAsync(StoreRecord store, Principal principal, PipeReader body, ulong narBytesMax, TransferPace pace)
    {
        using var place = await _files.TakeAsync(principal.Name, pace).ConfigureAwait(false);
        var cancellation = pace.Token;
        var cut = new CutChunkStore(index, chunks, store, principal.ReadableChunks, PlainCompressionLevel, _groups, limits);
        await using (cut.ConfigureAwait(false))
        {
            using var cutter = new NarCutter(store, cut, Math.Min(narBytesMax, await sizes.GetAsync(store, cancellation).ConfigureAwait(false)), limits);
            while (true)
            {
                var result = await PacedReadStream.ReadAsync(body, pace).ConfigureAwait(false);
                try
                {
                    foreach (var piece in result.Buffer)
                    {
                        cutter.Write(piece.Span);
                        await cut.StoreFullAsync(cancellation).ConfigureAwait(false);
                    }
                }
                finally
                {
                    // Kestrel reads what is left of a request that is refused, and can do so only behind a read that has ended.
                    body.AdvanceTo(result.Buffer.End);
                }

                if (result.IsCompleted)
                {
                    return await FinishAsync(store, cutter, cut, cancellation).ConfigureAwait(false);
                }
            }
        }
    }

    private static async Task CutAsync(
        UploadStream upload, NarCompression compression, NarCutter cutter, CutChunkStore cut, CancellationToken cancellation)
    {
        var piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        var plain = CompressionStreams.OpenReader(compression, upload);
        try
        {
            while (true)
            {
                // Decompressors give what they have; a bigger piece means fewer turns through everything behind.
                var length = await plain.ReadAtLeastAsync(piece, PieceBytes, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
                cutter.Write(piece.AsSpan(0, length));
                await cut.StoreFullAsync(cancellation).ConfigureAwait(false);

                // A file that unpacks to very much would keep its thread: to the end of the queue, behind all others, after each piece.
                await Task.Yield();
                if (length < PieceBytes)
                {
                    break;
                }
            }

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

    private async Task<ReceivedNar> FinishAsync(StoreRecord store, NarCutter cutter, CutChunkStore cut, CancellationToken cancellation)
    {
        var (manifest, hash, size) = cutter.Finish();
        await cut.FinishAsync(cancellation).ConfigureAwait(false);

        // What this server has cut itself needs no proof when it is registered.
        verified.Add(manifest.Digest, new StoreDirectory(store.StoreDirectory), hash, size);
        return new ReceivedNar(manifest, hash, size, NarCompression.None, hash, size);
    }
}
