using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using NixFuseStore.Protocol.DataPlane;
using NixFuseStore.Protocol.Grpc;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Hosting;
using NixFuseStore.Server.Transfers;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.DataPlane;

/// <summary>Streams chunks out of packs as they lie there, with memory for two runs a request however much is asked for.</summary>
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
                throw new RpcException(StatusCode.NotFound, "no path of this store has such chunks");
            }
        }
    }

    /// <summary>Sends a frame for each wanted chunk.</summary>
    public async Task SendAsync(StoreRecord store, Principal principal, WantedChunks wanted, HttpContext context, CancellationToken cancellation)
    {
        using var pace = new TransferPace(limits.DownloadRate, TimeProvider.System, cancellation);
        using var turn = await _requests.TakeAsync(principal.Name, pace).ConfigureAwait(false);
        var places = await locations.GetAsync(store, wanted.Manifests, pace.Token).ConfigureAwait(false);
        context.Response.ContentType = "application/octet-stream";
        PacedResponse.Install(context, pace);
        try
        {
            await SendAsync(ReadPlan.Create(wanted, places, limits.ReadRunBytes), wanted, context.Response.BodyWriter, pace.Token).ConfigureAwait(false);
        }
        finally
        {
            PacedResponse.Remove(context);
        }
    }

    private async Task SendAsync(IEnumerable<ReadRun> runs, WantedChunks wanted, PipeWriter output, CancellationToken cancellation)
    {
        // The next run is read while the last one drains into the socket.
        var flush = default(ValueTask<FlushResult>);
        foreach (var run in runs)
        {
            var buffer = ArrayPool<byte>.Shared.Rent(Math.Max(1, run.Length));
            try
            {
                var readable = await TryReadAsync(run, buffer.AsMemory(0, run.Length), wanted, cancellation).ConfigureAwait(false);
                var result = await flush.ConfigureAwait(false);
                flush = default;
                if (result.IsCompleted || result.IsCanceled)
                {
                    throw new OperationCanceledException("the client left");
                }

                Write(run, buffer, readable, output);
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

    private async ValueTask<bool> TryReadAsync(ReadRun run, Memory<byte> buffer, WantedChunks wanted, CancellationToken cancellation)
    {
        if (run.Length == 0)
        {
            return true;
        }

        try
        {
            await chunks.ReadAsync(run.Pack, run.Offset, buffer, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            logger.ChunkUnreadable(wanted.Manifests[(int)run.Frames[0].ManifestIndex].ToString(), e.Message);
            return false;
        }
    }

    private static void Write(ReadRun run, byte[] buffer, bool readable, PipeWriter output)
    {
        var position = 0;
        foreach (var frame in run.Frames)
        {
            var header = readable ? frame : frame with { Status = FrameStatus.Unreadable, Encoding = default, StoredLength = 0 };
            header.Write(output.GetSpan(FrameHeader.Size));
            output.Advance(FrameHeader.Size);
            output.Write(buffer.AsSpan(position, (int)header.StoredLength));
            position += (int)frame.StoredLength;
        }
    }
}
