using System.Diagnostics.Metrics;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Base;

/// <summary>What the server counts, as instruments of .NET's metrics; METRICS.md lists them. Any thread.</summary>
internal sealed class ServerMetrics : IDisposable
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "NixFuseStore.Server";

    private readonly Meter _meter = new(MeterName);
    private readonly Histogram<double> _requestDuration;
    private readonly UpDownCounter<long> _requestsInFlight;
    private readonly Counter<long> _registeredPaths;
    private readonly Counter<long> _fetchedPaths;
    private readonly Counter<long> _upstreamFailures;

    public ServerMetrics()
    {
        _requestDuration = _meter.CreateHistogram<double>(
            "nixfuse.server.request.duration", "s", "How long requests took, from their first byte to the answer's last; calls without an end are left out.");
        _requestsInFlight = _meter.CreateUpDownCounter<long>("nixfuse.server.requests.in_flight", "{request}", "Requests that are being answered.");
        _registeredPaths = _meter.CreateCounter<long>("nixfuse.server.registrations", "{path}", "Paths that were submitted, by what became of them.");
        _fetchedPaths = _meter.CreateCounter<long>("nixfuse.server.upstream.paths", "{path}", "Paths that were fetched from upstream caches.");
        _upstreamFailures = _meter.CreateCounter<long>("nixfuse.server.upstream.failures", "{failure}", "Questions and downloads that an upstream cache failed.");
    }

    /// <summary>Counts what the parts below count themselves.</summary>
    public void Observe(ChunkStore chunks, IMetadataStore metadata, ConnectionTable connections)
    {
        _meter.CreateObservableGauge("nixfuse.server.connections", () => connections.Count, "{connection}", "Connections that are open.");
        _meter.CreateObservableCounter("nixfuse.server.chunks.written", () => chunks.Counters.ChunksStored, "{chunk}", "Chunks that were stored.");
        _meter.CreateObservableCounter("nixfuse.server.written", () => chunks.Counters.BytesStored, "By", "Bytes of chunks that were stored, as they lie in packs.");
        _meter.CreateObservableCounter("nixfuse.server.packs.reads", () => chunks.Counters.Reads, "{read}", "Reads from packs.");
        _meter.CreateObservableCounter("nixfuse.server.packs.read", () => chunks.Counters.BytesRead, "By", "Bytes that were read from packs.");
        _meter.CreateObservableCounter("nixfuse.server.packs.created", () => chunks.Counters.PacksCreated, "{pack}", "Packs that were begun.");
        _meter.CreateObservableCounter("nixfuse.server.packs.sealed", () => chunks.Counters.PacksSealed, "{pack}", "Packs that were completed.");
        _meter.CreateObservableCounter("nixfuse.server.packs.flushes", () => chunks.Counters.Flushes, "{flush}", "Times that a pack was made durable.");
        _meter.CreateObservableCounter("nixfuse.server.chunks.damaged", () => chunks.Verifier.DamagedCount, "{chunk}", "Chunks that were found damaged, once each.");
        _meter.CreateObservableCounter("nixfuse.server.metadata.commits", () => metadata.DurableCommits, "{commit}", "Transactions that were made durable.");
    }

    /// <summary>A request begins.</summary>
    public void OnRequestStarted() => _requestsInFlight.Add(1);

    /// <summary>A request has ended.</summary>
    /// <param name="endpoint">Which endpoint answered it.</param>
    /// <param name="method">The method of gRPC or of HTTP: one of a fixed set.</param>
    /// <param name="status">The status of gRPC or of HTTP.</param>
    /// <param name="duration">How long it took; null for calls without an end.</param>
    public void OnRequestEnded(string endpoint, string method, string status, TimeSpan? duration)
    {
        _requestsInFlight.Add(-1);
        if (duration is { } took)
        {
            _requestDuration.Record(took.TotalSeconds, new("endpoint", endpoint), new("method", method), new("status", status));
        }
    }

    /// <summary>Submitted paths were answered.</summary>
    public void OnRegistered(int count, string outcome)
    {
        if (count > 0)
        {
            _registeredPaths.Add(count, new KeyValuePair<string, object?>("outcome", outcome));
        }
    }

    /// <summary>A path came from an upstream cache, and is registered.</summary>
    public void OnFetched() => _fetchedPaths.Add(1);

    /// <summary>An upstream cache did not answer, or not with what it should.</summary>
    public void OnUpstreamFailed() => _upstreamFailures.Add(1);

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();
}
