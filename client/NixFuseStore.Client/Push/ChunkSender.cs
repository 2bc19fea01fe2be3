using System.Threading.Channels;
using Google.Protobuf;
using NixFuseStore.Client.Server;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Protocol;
using NixFuseStore.Protocol.DataPlane;

namespace NixFuseStore.Client.Push;

/// <summary>
/// Brings chunks to the server in three stages with a queue before each: ask which are missing, compress those, upload them. While
/// requests are under way the queues fill, so that the next ones are large; nothing waits where nothing is under way. What cannot be
/// sent fails in the ledger, or goes back into its queue for those who came later, and the loops go on.
/// </summary>
/// <remarks>The queues need no bound of their own: <see cref="ByteBudget"/> bounds what is in all of them together.</remarks>
internal sealed class ChunkSender(IPushTarget target, ChunkUploadTracker ledger, PushProgress progress, PushOptions options)
{
    /// <summary>Chunks in one query at most; the protocol allows 65,536.</summary>
    private const int QueryChunksMax = 4096;

    /// <summary>Queries under way at once.</summary>
    private const int Queries = 3;

    /// <summary>Bytes in one upload, give or take a chunk: those under way together fill 1 Gbit/s at 100 ms.</summary>
    private const int UploadBytes = 4 << 20;

    /// <summary>How long an upload that is not full waits for more chunks. The server makes each upload durable, which is worth sharing.</summary>
    private static readonly TimeSpan UploadLinger = TimeSpan.FromMilliseconds(25);

    private readonly ByteBudget _budget = new(options.ChunkBytesHeldMax);
    private readonly Channel<HeldChunk> _toAsk = Channel.CreateUnbounded<HeldChunk>();
    private readonly Channel<HeldChunk> _toCompress = Channel.CreateUnbounded<HeldChunk>();
    private readonly Channel<PackedChunk> _toUpload = Channel.CreateUnbounded<PackedChunk>();

    /// <summary>Takes over a chunk that was claimed in the ledger, where its outcome is told. Blocks while too much is held.</summary>
    internal void Send(HeldChunk chunk, bool askFirst, CancellationToken cancellationToken) =>
        SendAsync(chunk, askFirst, cancellationToken).GetAwaiter().GetResult();

    /// <summary>The same without blocking. Given up, the chunk stays the caller's.</summary>
    internal async Task SendAsync(HeldChunk chunk, bool askFirst, CancellationToken cancellationToken)
    {
        await _budget.TakeAsync(chunk.Length, cancellationToken).ConfigureAwait(false);
        (askFirst ? _toAsk : _toCompress).Writer.TryWrite(chunk);
    }

    /// <summary>The loops of all stages, which run until cancelled.</summary>
    internal IEnumerable<Func<CancellationToken, Task>> Loops()
    {
        for (int i = 0; i < Queries; i++)
        {
            yield return AskAsync;
        }

        for (int i = 0; i < options.Workers; i++)
        {
            yield return CompressAsync;
        }

        for (int i = 0; i < options.Uploads; i++)
        {
            yield return UploadAsync;
        }
    }

    private async Task AskAsync(CancellationToken cancellationToken)
    {
        var batch = new List<HeldChunk>();
        while (await _toAsk.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            batch.Clear();
            while (batch.Count < QueryChunksMax && _toAsk.Reader.TryRead(out var chunk))
            {
                if (!TryDrop(chunk))
                {
                    batch.Add(chunk);
                }
            }

            if (batch.Count == 0)
            {
                continue; // another of these loops was faster
            }

            try
            {
                await AskAsync(batch, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                batch.ForEach(chunk => Fail(chunk, Describe(exception)));
            }
        }
    }

    private async Task AskAsync(List<HeldChunk> batch, CancellationToken cancellationToken)
    {
        var ids = new byte[batch.Count * ChunkId.Size];
        for (int i = 0; i < batch.Count; i++)
        {
            batch[i].Id.CopyTo(ids.AsSpan(i * ChunkId.Size));
        }

        var request = new FindMissingChunksRequest { Store = target.StoreName, ChunkIds = UnsafeByteOperations.UnsafeWrap(ids) };
        var answer = await target.FindMissingChunksAsync(request, cancellationToken).ConfigureAwait(false);
        for (int i = 0; i < batch.Count; i++)
        {
            // From here on nothing throws: a chunk has one end.
            if ((answer.Missing[i / 8] >> (i % 8) & 1) != 0)
            {
                _toCompress.Writer.TryWrite(batch[i]);
            }
            else
            {
                batch[i].Release();
                _budget.Return(batch[i].Length);
                progress.ChunkFound();
                ledger.Settle(batch[i].Id);
            }
        }
    }

    // Needed by none any more: those who added it have gone.
    private bool TryDrop(HeldChunk chunk)
    {
        if (!ledger.TryDrop(chunk.Id))
        {
            return false;
        }

        chunk.Release();
        _budget.Return(chunk.Length);
        return true;
    }

    private static StoreClientException Describe(Exception exception) =>
        exception as StoreClientException ?? new StoreClientException($"sending content failed inside this program: {exception.Message}", exception);

    private void Fail(HeldChunk chunk, StoreClientException exception)
    {
        if (ledger.Fail(chunk.Id, exception))
        {
            _toAsk.Writer.TryWrite(chunk);
            return;
        }

        chunk.Release();
        _budget.Return(chunk.Length);
    }

    private void Fail(PackedChunk chunk, StoreClientException exception)
    {
        if (ledger.Fail(chunk.Id, exception))
        {
            _toUpload.Writer.TryWrite(chunk);
            return;
        }

        _budget.Return(chunk.PlainLength);
    }

    private Task CompressAsync(CancellationToken cancellationToken) => DedicatedThread.RunAsync(() =>
    {
        // Frames are copied out of one buffer: buffers for the longest possible ones would be large objects, each garbage at once.
        var buffer = new byte[Zstd.CompressBound(ChunkingParameters.ChunkBytesMax)];
        while (DedicatedThread.WaitToRead(_toCompress.Reader, cancellationToken))
        {
            while (_toCompress.Reader.TryRead(out var chunk))
            {
                if (TryDrop(chunk))
                {
                    continue;
                }

                PackedChunk packed;
                try
                {
                    packed = Pack(chunk, buffer);
                }
#pragma warning disable CA1031 // Those who wait for the chunk are told, and the loop goes on.
                catch (Exception exception)
#pragma warning restore CA1031
                {
                    Fail(chunk, Describe(exception));
                    continue;
                }

                _toUpload.Writer.TryWrite(packed);
                chunk.Release();
            }
        }
    });

    private PackedChunk Pack(HeldChunk chunk, byte[] buffer)
    {
        int length = Zstd.Compress(chunk.Plain, buffer, options.CompressionLevel);
        return length < chunk.Length
            ? new PackedChunk(chunk.Id, ChunkEncoding.Zstd, chunk.Length, buffer.AsSpan(0, length).ToArray())
            : new PackedChunk(chunk.Id, ChunkEncoding.Plain, chunk.Length, chunk.Plain.ToArray());
    }

    private async Task UploadAsync(CancellationToken cancellationToken)
    {
        var batch = new List<PackedChunk>();
        while (await _toUpload.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            batch.Clear();
            int bytes = Take(batch, 0);
            if (batch.Count > 0 && bytes < UploadBytes)
            {
                await Task.Delay(UploadLinger, cancellationToken).ConfigureAwait(false);
                Take(batch, bytes);
            }

            if (batch.Count == 0)
            {
                continue; // another of these loops was faster
            }

            try
            {
                await target.UploadAsync(batch, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                batch.ForEach(chunk => Fail(chunk, Describe(exception)));
                continue;
            }

            foreach (var chunk in batch)
            {
                progress.ChunkSent(chunk.PlainLength);
                _budget.Return(chunk.PlainLength);
                ledger.Settle(chunk.Id);
            }
        }
    }

    private int Take(List<PackedChunk> batch, int bytes)
    {
        while (bytes < UploadBytes && _toUpload.Reader.TryRead(out var chunk))
        {
            if (ledger.TryDrop(chunk.Id))
            {
                _budget.Return(chunk.PlainLength);
                continue;
            }

            batch.Add(chunk);
            bytes += chunk.Stored.Length;
        }

        return bytes;
    }
}
