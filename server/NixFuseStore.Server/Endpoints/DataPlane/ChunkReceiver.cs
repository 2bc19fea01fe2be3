using System.Buffers;
using System.IO.Pipelines;
using System.Threading.RateLimiting;
using Grpc.Core;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Protocol;
using NixFuseStore.Protocol.DataPlane;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Transfers;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Endpoints.DataPlane;

/// <summary>Takes uploads: every chunk is decoded and compared with its id before anything of it is stored.</summary>
internal sealed class ChunkReceiver(ChunkStore chunks, ServerLimits limits)
{
    private readonly ConcurrencyLimiter _requests = Limiters.Waiting(limits.UploadRequestsMax);

    /// <summary>Reads frames to the end and stores their chunks.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: a frame is wrong; chunks before it may have been stored.</exception>
    public async Task<UploadChunksResponse> ReceiveAsync(StoreRecord store, PipeReader body, CancellationToken cancellation)
    {
        using var turn = await _requests.AcquireAsync(cancellationToken: cancellation).ConfigureAwait(false);
        var response = new UploadChunksResponse();

        // One group is filled and verified while the one before it is being written.
        var storing = Task.FromResult(default(StoreChunksResult));
        var group = new UploadGroup(limits.UploadGroupBytes);
        UploadGroup? stored = null;
        try
        {
            var more = true;
            while (more)
            {
                more = await FillAsync(group, body, cancellation).ConfigureAwait(false);
                Add(response, await storing.ConfigureAwait(false));
                stored?.Dispose();
                stored = group;
                storing = group.Chunks.Count > 0 ? chunks.StoreAsync(store.Id, group.Chunks, cancellation) : Task.FromResult(default(StoreChunksResult));
                group = new UploadGroup(limits.UploadGroupBytes);
            }

            Add(response, await storing.ConfigureAwait(false));
            return response;
        }
        finally
        {
            // The buffers are the storage's until it is done with them, even where the request has failed.
            await storing.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default).ConfigureAwait(false);
            stored?.Dispose();
            group.Dispose();
        }
    }

    /// <summary>Takes frames until the group is full.</summary>
    /// <returns>False at the end of the body.</returns>
    private static async Task<bool> FillAsync(UploadGroup group, PipeReader body, CancellationToken cancellation)
    {
        while (true)
        {
            var result = await RequestBody.ReadAsync(body, cancellation).ConfigureAwait(false);
            var rest = result.Buffer;
            while (!group.IsFull && TryTakeFrame(ref rest, group))
            {
            }

            body.AdvanceTo(rest.Start, group.IsFull ? rest.Start : rest.End);
            if (group.IsFull)
            {
                return true;
            }

            if (result.IsCompleted)
            {
                return rest.IsEmpty ? false : throw Invalid("the upload is cut off in the middle of a chunk");
            }
        }
    }

    private static bool TryTakeFrame(ref ReadOnlySequence<byte> rest, UploadGroup group)
    {
        if (rest.Length < UploadFrameHeader.Size)
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[UploadFrameHeader.Size];
        rest.Slice(0, UploadFrameHeader.Size).CopyTo(bytes);
        if (!UploadFrameHeader.TryRead(bytes, out var header))
        {
            throw Invalid("the upload holds bytes that are no chunk");
        }

        if (rest.Length < UploadFrameHeader.Size + header.StoredLength)
        {
            return false;
        }

        var id = ChunkId.Read(bytes);
        var payload = group.Add(id, header, rest.Slice(UploadFrameHeader.Size, header.StoredLength));
        Verify(id, header, payload);
        rest = rest.Slice(UploadFrameHeader.Size + header.StoredLength);
        return true;
    }

    private static void Verify(in ChunkId id, in UploadFrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Encoding == Protocol.DataPlane.ChunkEncoding.Plain)
        {
            RequireId(id, payload);
            return;
        }

        var plain = ArrayPool<byte>.Shared.Rent((int)header.PlainLength);
        try
        {
            var destination = plain.AsSpan(0, (int)header.PlainLength);
            if (!Zstd.TryDecompress(payload, destination, out _))
            {
                throw Invalid($"chunk {id} is not one zstd frame of {header.PlainLength} bytes");
            }

            RequireId(id, destination);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(plain);
        }
    }

    private static void RequireId(in ChunkId id, ReadOnlySpan<byte> plain)
    {
        var actual = ChunkId.Compute(plain);
        if (actual != id)
        {
            throw Invalid($"a chunk was sent as {id}, but its bytes are those of {actual}");
        }
    }

    private static void Add(UploadChunksResponse response, in StoreChunksResult result)
    {
        response.Received += (uint)result.Received;
        response.Stored += (uint)result.Stored;
        response.StoredBytes += (ulong)result.StoredBytes;
    }

    private static RpcException Invalid(string detail) => new(new Status(StatusCode.InvalidArgument, detail));
}
