using System.Buffers;
using System.IO.Pipelines;
using Grpc.Core;
using NixFuseStore.Content;
using NixFuseStore.Protocol.DataPlane;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Transfers;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Content;

/// <summary>
/// Streams chunks out of packs as they lie there, with memory for two runs a request however much is asked for. Each is compared with its
/// sum before it leaves.
/// </summary>
internal sealed class ChunkReader(ChunkStore chunks, LocationCache locations, ServerLimits limits, ILogger logger)
{
    // A slow client holds its two buffers and a place here.
    private readonly TransferPlaces _requests = new(limits.ReadRequestsMax, limits.ReadShare, limits.StalledAfter, TimeProvider.System);

    /// <summary>Makes sure that all chunks are there.</summary>
    /// <exception cref="RpcException">NOT_FOUND: some are not.</exception>
    public async Task CheckAsync(StoreRecord store, WantedChunks wanted, CancellationToken cancellation)
    {
        var places = await locations.GetAsync(store, wanted.Manifests, cancellation).ConfigureAwait(false);
        foreach (var (manifest, first, count) in wanted.Ranges)
        {
            if (places[manifest] is not { } list || first + (ulong)count > (ulong)list.Count)
            {
                throw new RpcException(new Status(StatusCode.NotFound, "no path of this store has such chunks"));
            }
        }
    }

    /// <summary>Sends a frame for each wanted chunk.</summary>
    /// <param name="store">The store.</param>
    /// <param name="principal">Who asks.</param>
    /// <param name="wanted">What is wanted.</param>
    /// <param name="context">Whose response it is.</param>
    /// <param name="wholeOnly">Whether a chunk that cannot be read fails all, rather than its frame.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="ChunkDamagedException">A chunk cannot be read, and nothing less than all is wanted.</exception>
    public async Task SendAsync(
        StoreRecord store, Principal principal, WantedChunks wanted, HttpContext context, bool wholeOnly, CancellationToken cancellation)
    {
        using var pace = new TransferPace(limits.DownloadRate, TimeProvider.System, cancellation);
        using var turn = await _requests.TakeAsync(principal.Name, pace).ConfigureAwait(false);
        var places = await locations.GetAsync(store, wanted.Manifests, pace.Token).ConfigureAwait(false);
        context.Response.ContentType = "application/octet-stream";
        PacedResponse.Install(context, pace);
        try
        {
            var runs = ReadPlan.Create(wanted, places, limits.ReadRunBytes);
            await SendAsync(store, runs, wanted, context.Response.BodyWriter, wholeOnly, pace.Token).ConfigureAwait(false);
        }
        finally
        {
            PacedResponse.Remove(context);
        }
    }

    private async Task SendAsync(
        StoreRecord store, IEnumerable<ReadRun> runs, WantedChunks wanted, PipeWriter output, bool wholeOnly, CancellationToken cancellation)
    {
        // The next run is read while the last one drains into the socket.
        var flush = default(ValueTask<FlushResult>);
        var frames = new List<(FrameHeader Header, ReadOnlyMemory<byte> Stored)>();
        foreach (var run in runs)
        {
            var buffer = ArrayPool<byte>.Shared.Rent(Math.Max(1, run.Length));
            try
            {
                frames.Clear();
                await ReadAsync(store, run, buffer.AsMemory(0, run.Length), wanted, frames, cancellation).ConfigureAwait(false);
                if (wholeOnly && frames.Exists(static frame => frame.Header.Status == FrameStatus.Unreadable))
                {
                    throw new ChunkDamagedException("a chunk of these cannot be read");
                }

                var result = await flush.ConfigureAwait(false);
                flush = default;
                if (result.IsCompleted || result.IsCanceled)
                {
                    throw new OperationCanceledException("the client left");
                }

                foreach (var (header, stored) in frames)
                {
                    header.Write(output.GetSpan(FrameHeader.Size));
                    output.Advance(FrameHeader.Size);
                    output.Write(stored.Span);
                }

                flush = output.FlushAsync(cancellation);
            }
            finally
            {
                // Writing has copied the bytes into the response's own buffers.
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }

        await flush.ConfigureAwait(false);
    }

    /// <summary>Reads a run, and decides about each of its chunks by its sum.</summary>
    private async ValueTask ReadAsync(
        StoreRecord store,
        ReadRun run,
        Memory<byte> buffer,
        WantedChunks wanted,
        List<(FrameHeader Header, ReadOnlyMemory<byte> Stored)> frames,
        CancellationToken cancellation)
    {
        // 1. All of them at once. Where the pack is gone or too short, each has to be looked for; a read error is told to the client.
        var (isRead, isError) = (run.Places.Count > 0, false);
        try
        {
            if (isRead)
            {
                await chunks.ReadAsync(run.Pack, run.Offset, buffer, cancellation).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is FileNotFoundException or EndOfStreamException)
        {
            isRead = false;
        }
        catch (IOException e)
        {
            logger.ChunkUnreadable(wanted.Manifests[(int)run.Frames[0].ManifestIndex].ToString(), e.Message);
            (isRead, isError) = (false, true);
        }

        // 2. One by one.
        var position = 0;
        for (var i = 0; i < run.Frames.Count; i++)
        {
            var frame = run.Frames[i];
            if (run.Places.Count == 0)
            {
                frames.Add((frame, default));
                continue;
            }

            var place = run.Places[i];
            var stored = buffer.Slice(position, place.StoredLength);
            position += place.StoredLength;
            frames.Add(isRead && place.IsHeldBy(stored.Span) ? (frame, stored)
                : isError ? (Unreadable(frame), default)
                : await RecoverAsync(store, wanted.Manifests[(int)frame.ManifestIndex], frame, place, cancellation).ConfigureAwait(false));
        }
    }

    private async Task<(FrameHeader Header, ReadOnlyMemory<byte> Stored)> RecoverAsync(
        StoreRecord store, ManifestDigest manifest, FrameHeader frame, ChunkLocation place, CancellationToken cancellation)
    {
        try
        {
            var found = await chunks.Verifier.RecoverAsync(store.Id, manifest, (int)frame.Ordinal, place, cancellation).ConfigureAwait(false);
            return found is null
                ? (Unreadable(frame), default)
                : (frame with { Encoding = (Protocol.DataPlane.ChunkEncoding)found.Location.Encoding, StoredLength = (uint)found.Stored.Length }, found.Stored);
        }
        catch (IOException e)
        {
            logger.ChunkUnreadable(manifest.ToString(), e.Message);
            return (Unreadable(frame), default);
        }
    }

    private static FrameHeader Unreadable(FrameHeader frame) =>
        frame with { Status = FrameStatus.Unreadable, Encoding = default, StoredLength = 0 };
}
