using Google.Protobuf;
using Grpc.Core;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Protocol;
using NixFuseStore.Protocol.DataPlane;

namespace NixFuseStore.Client.Chunks;

/// <summary>Requests for chunks: sends one, checks each chunk as it comes, gives back what did not come. Any thread.</summary>
internal sealed class ChunkRequester
{
    /// <summary>Connections made beforehand: as many as the first reader's request and the read-ahead behind it use.</summary>
    private const int FirstConnections = 3;

    /// <summary>A response that brings nothing for so long is given up.</summary>
    private static readonly TimeSpan StallDeadline = TimeSpan.FromSeconds(10);

    /// <summary>Pauses between attempts double from this, up to <see cref="PauseMax"/>.</summary>
    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(1);

    /// <summary>A chunk is asked for again once when other bytes came in its place.</summary>
    private const int BadAnswersMax = 2;

    /// <summary>A server that says "unreadable now" so often means it.</summary>
    private const int UnreadableMax = 4;

    private readonly ServerConnection _connection;
    private readonly ServerHealth _health;
    private readonly FetchTable _table;
    private readonly FetchScheduler _scheduler;
    private readonly FetchCounters _counters;
    private readonly LinkEstimator _link;
    private readonly PacketTrain _train;
    private readonly TimeProvider _time;
    private readonly CancellationToken _stop;

    /// <param name="connection">The server.</param>
    /// <param name="health">Its presence.</param>
    /// <param name="table">The chunks on their way.</param>
    /// <param name="link">Is told what comes.</param>
    /// <param name="counters">Count it.</param>
    /// <param name="time">Clock.</param>
    /// <param name="stop">Ends all requests.</param>
    public ChunkRequester(
        ServerConnection connection, ServerHealth health, FetchTable table, LinkEstimator link, FetchCounters counters, TimeProvider time, CancellationToken stop)
    {
        _connection = connection;
        _health = health;
        _table = table;
        _scheduler = new FetchScheduler(table, link, (batch, priority) => _ = RunAsync(batch, priority));
        _counters = counters;
        _link = link;
        _train = new PacketTrain(link, time);
        _time = time;
        _stop = stop;
    }

    /// <summary>Chunks are to be asked for.</summary>
    public void Request(List<ChunkFetch> fetches) => _scheduler.Enqueue(fetches);

    /// <summary>A chunk that waits to be asked for has become more urgent.</summary>
    public void Raise(ChunkFetch fetch) => _scheduler.Raise(fetch);

    /// <summary>Connects, so that the first readers need not wait for that: it is a round trip, and more with TLS.</summary>
    public void Connect()
    {
        for (var i = 0; i < FirstConnections; i++)
        {
            _ = ConnectQuietlyAsync();
        }
    }

    private async Task ConnectQuietlyAsync()
    {
        try
        {
            // A request for nothing: each one that runs at the same time has a connection of its own, which stays.
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(_stop);
            deadline.CancelAfter(StallDeadline);
            using var frames = await _connection.Current.Data.ReadChunksAsync(_connection.StoreName, new ReadChunksRequest(), deadline.Token).ConfigureAwait(false);
            await frames.MoveNextAsync(deadline.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is DataPlaneException or OperationCanceledException or ObjectDisposedException)
        {
            // A read is told.
        }
    }

    private async Task RunAsync(List<ChunkFetch> batch, FetchPriority priority)
    {
        var bytes = FetchScheduler.BytesOf(batch);
        var endpoint = _connection.Current;
        Count(priority);
        var next = 0;
        Exception? failure = null;
        using var stall = CancellationTokenSource.CreateLinkedTokenSource(_stop);
        try
        {
            var request = Compose(batch);

            // 1. Send. The first byte tells the round trip.
            stall.CancelAfter(StallDeadline);
            var sentAt = _time.GetTimestamp();
            using var frames = await endpoint.Data.ReadChunksAsync(_connection.StoreName, request, stall.Token).ConfigureAwait(false);
            _link.OnFirstByte(_time.GetElapsedTime(sentAt));

            // 2. Each frame as it comes.
            var sound = true;
            while (sound && next < batch.Count)
            {
                var moving = frames.MoveNextAsync(stall.Token);
                var waited = !moving.IsCompleted;
                if (!await moving.ConfigureAwait(false))
                {
                    break;
                }

                stall.CancelAfter(StallDeadline);
                _train.OnFrame(frames.Payload.Length + FrameHeader.Size, waited);
                sound = Accept(batch[next++], frames.Header, frames.Payload.Span);
            }

            // 3. Reading to the end hands the connection on to the next request. A connection that brought something bad is left instead,
            // which closes it, and the rest is asked for on another one.
            if (sound && next < batch.Count)
            {
                failure = new StoreUnavailableException($"server {endpoint.Address.Authority} ended its answer early");
            }
            else if (sound)
            {
                await frames.MoveNextAsync(stall.Token).ConfigureAwait(false);
            }
        }
        catch (DataPlaneException e) when (e.StatusCode == StatusCode.Internal && next < batch.Count)
        {
            // Bytes that are no frame.
            Bad(batch[next++], $"sent nonsense ({e.Message})");
        }
        catch (DataPlaneException e)
        {
            failure = _connection.Translate(endpoint, e);
        }
        catch (OperationCanceledException e)
        {
            failure = new StoreUnavailableException(
                _stop.IsCancellationRequested
                    ? "the store was closed"
                    : $"server {endpoint.Address.Authority} is silent, no chunk came for {StallDeadline.TotalSeconds:0} s",
                e);
        }
        catch (Exception e)
        {
            // Whatever it is, readers must not wait for ever.
            failure = new StoreClientException($"server {endpoint.Address.Authority}: {e.Message}", e);
        }
        finally
        {
            _scheduler.OnEnded(priority, bytes);
        }

        // 4. What did not come.
        if (next < batch.Count)
        {
            GiveBack(batch.GetRange(next, batch.Count - next), endpoint, failure);
        }
    }

    private void Count(FetchPriority priority)
    {
        switch (priority)
        {
            case FetchPriority.Demand:
                Interlocked.Increment(ref _counters.DemandRequests);
                break;
            case FetchPriority.ReadAhead:
                Interlocked.Increment(ref _counters.ReadAheadRequests);
                break;
            default:
                Interlocked.Increment(ref _counters.BulkRequests);
                break;
        }
    }

    // Frames come in the order of the batch, which is sorted here: by path, then by ordinal.
    private static ReadChunksRequest Compose(List<ChunkFetch> batch)
    {
        batch.Sort(static (a, b) =>
        {
            var order = a.Content == b.Content ? 0 : a.Content.Handle.Digest.CompareTo(b.Content.Handle.Digest);
            return order != 0 ? order : a.Ordinal.CompareTo(b.Ordinal);
        });

        var request = new ReadChunksRequest();
        ManifestChunks? manifest = null;
        PathContent? of = null;
        foreach (var fetch in batch)
        {
            if (manifest is null || (fetch.Content != of && fetch.Content.Handle.Digest != of!.Handle.Digest))
            {
                of = fetch.Content;
                manifest = new ManifestChunks { ManifestDigest = UnsafeByteOperations.UnsafeWrap(of.Handle.Digest.ToArray()) };
                request.Manifests.Add(manifest);
            }

            fetch.ManifestIndex = request.Manifests.Count - 1;

            var ranges = manifest.Ranges;
            if (ranges.Count > 0 && ranges[^2] + ranges[^1] == (uint)fetch.Ordinal)
            {
                ranges[^1]++;
            }
            else
            {
                ranges.Add((uint)fetch.Ordinal);
                ranges.Add(1);
            }
        }

        return request;
    }

    // False: the answer was not the chunk that was asked for, and the fetch was dealt with.
    private bool Accept(ChunkFetch fetch, FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Ordinal != (uint)fetch.Ordinal || header.ManifestIndex != (uint)fetch.ManifestIndex)
        {
            return Bad(fetch, "answered with another chunk than the one asked for");
        }

        if (header.Status != FrameStatus.Ok)
        {
            Refused(fetch, header.Status);
            return true;
        }

        Interlocked.Add(ref _counters.ReceivedBytes, payload.Length + FrameHeader.Size);
        var chunk = ChunkBuffer.Allocate(fetch.Length);
        if (!Unpack(header.Encoding, payload, chunk.Span) || ChunkId.Compute(chunk.Span) != fetch.Id)
        {
            chunk.Release();
            return Bad(fetch, "sent wrong bytes");
        }

        _link.OnChunk(payload.Length + FrameHeader.Size, fetch.Length);
        Interlocked.Increment(ref _counters.ReceivedChunks);
        Interlocked.Add(ref _counters.ReceivedPlainBytes, fetch.Length);
        _table.Complete(fetch, chunk, fromServer: true);
        return true;
    }

    private static bool Unpack(ChunkEncoding encoding, ReadOnlySpan<byte> payload, Span<byte> destination)
    {
        if (encoding == ChunkEncoding.Plain)
        {
            return payload.Length == destination.Length && payload.TryCopyTo(destination);
        }

        return Zstd.TryDecompress(payload, destination, out var written) && written == destination.Length;
    }

    private bool Bad(ChunkFetch fetch, string what)
    {
        Interlocked.Increment(ref _counters.BadChunks);
        if (++fetch.BadAnswers < BadAnswersMax)
        {
            _scheduler.Enqueue([fetch]);
        }
        else
        {
            _table.Fail(fetch, new StoreVerificationException(
                $"chunk {fetch.Ordinal} of {fetch.Content.Handle.Path} does not verify: the server {what}, twice; nothing of it was used"));
        }

        return false;
    }

    private void Refused(ChunkFetch fetch, FrameStatus status)
    {
        var path = fetch.Content.Handle.Path;
        switch (status)
        {
            case FrameStatus.Unreadable when ++fetch.Unreadable < UnreadableMax:
                _ = PauseAsync([fetch]);
                break;
            case FrameStatus.Unreadable:
                _table.Fail(fetch, new StoreClientException($"chunk {fetch.Ordinal} of {path} cannot be read by the server"));
                break;
            case FrameStatus.NoSuchManifest:
                _table.Fail(fetch, new StoreClientException($"{path} is no longer in the store, or not for this token"));
                break;
            default:
                _table.Fail(fetch, new StoreVerificationException($"the server does not know chunk {fetch.Ordinal} of {path}, which its manifest names"));
                break;
        }
    }

    private void GiveBack(List<ChunkFetch> rest, ServerEndpoint endpoint, Exception? failure)
    {
        if (failure is null)
        {
            _scheduler.Enqueue(rest);
            return;
        }

        Interlocked.Increment(ref _counters.FailedRequests);
        if (failure is not StoreUnavailableException || _stop.IsCancellationRequested)
        {
            foreach (var fetch in rest)
            {
                _table.Fail(fetch, failure);
            }

            return;
        }

        _connection.MoveOn(endpoint);
        _health.Suspect();
        _ = PauseAsync(rest);
    }

    // What no caller waits for is not tried again. A reader who waits decides by its deadline how long it is.
    private async Task PauseAsync(List<ChunkFetch> fetches)
    {
        var failures = 0;
        lock (_table.Gate)
        {
            foreach (var fetch in fetches)
            {
                fetch.State = FetchState.Pausing;
                failures = Math.Max(failures, ++fetch.Failures);
            }
        }

        var pause = PauseMin * Math.Pow(2, Math.Min(failures - 1, 10));
        try
        {
            await Task.Delay(pause < PauseMax ? pause : PauseMax, _time, _stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Disposal fails whatever is left in the table.
            return;
        }

        var wanted = _table.DropUnwanted(fetches);
        if (wanted.Count > 0)
        {
            _scheduler.Enqueue(wanted);
        }
    }
}
