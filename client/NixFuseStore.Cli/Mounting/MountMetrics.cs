using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Settings;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace NixFuseStore.Cli.Mounting;

/// <summary>
/// A mount's counters as instruments of .NET's metrics, and the listener that Prometheus asks for them; METRICS.md lists them. Made only where
/// it is asked for.
/// </summary>
internal sealed class MountMetrics : IDisposable
{
    private const string MeterName = "NixFuseStore.Mount";

    /// <summary>All instruments are asked one after the other; they show the same moment.</summary>
    private static readonly TimeSpan SnapshotLifetime = TimeSpan.FromMilliseconds(100);

    private readonly Meter _meter = new(MeterName);
    private readonly Lock _gate = new();
    private readonly Func<MountCounters> _read;
    private MeterProvider? _listener;
    private MountCounters? _snapshot;
    private long _readAt;

    private MountMetrics(Func<MountCounters> read)
    {
        _read = read;
        ObserveRequests();
        ObserveCache();
        ObserveStore();
    }

    /// <summary>Begins to serve.</summary>
    /// <param name="address">Where.</param>
    /// <param name="read">Reads the counters; any thread.</param>
    /// <exception cref="CliException">It cannot listen there.</exception>
    public static MountMetrics Start(MetricsAddress address, Func<MountCounters> read)
    {
        var metrics = new MountMetrics(read);
        try
        {
            metrics._listener = Sdk.CreateMeterProviderBuilder()
                .ConfigureResource(static resource => resource.AddService("nixfuse", autoGenerateServiceInstanceId: true))
                .AddMeter(MeterName, "System.Runtime")
                .AddPrometheusHttpListener(options =>
                {
                    (options.Host, options.Port, options.ScopeInfoEnabled) = (address.Host, address.Port, false);
                    options.ConfigureHttpListener = (_, listener) => AddNames(listener, address);
                })
                .Build();
            return metrics;
        }
        catch (Exception e) when (e is HttpListenerException or ArgumentException or InvalidOperationException)
        {
            metrics.Dispose();
            throw new CliException($"cannot serve metrics at {address.Url}: {(e.InnerException ?? e).Message.TrimEnd('.')}; choose another address with --metrics", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _listener?.Dispose();
        _meter.Dispose();
    }

    // A listener answers only to the names that it was given.
    private static void AddNames(HttpListener listener, MetricsAddress address)
    {
        foreach (var url in address.Urls.Where(url => !listener.Prefixes.Contains(url)))
        {
            listener.Prefixes.Add(url);
        }
    }

    private MountCounters Read()
    {
        lock (_gate)
        {
            if (_snapshot is null || Stopwatch.GetElapsedTime(_readAt) > SnapshotLifetime)
            {
                _snapshot = _read();
                _readAt = Stopwatch.GetTimestamp();
            }

            return _snapshot;
        }
    }

    private void Count(string name, string unit, string description, Func<MountCounters, long> value) =>
        _meter.CreateObservableCounter(name, () => value(Read()), unit, description);

    private void Count(string name, string unit, string description, string label, Func<MountCounters, IEnumerable<(string Label, long Value)>> values) =>
        _meter.CreateObservableCounter(
            name,
            () => values(Read()).Select(item => new Measurement<long>(item.Value, new KeyValuePair<string, object?>(label, item.Label))),
            unit,
            description);

    private void Gauge(string name, string unit, string description, Func<MountCounters, double> value) =>
        _meter.CreateObservableGauge(name, () => value(Read()), unit, description);

    private void ObserveRequests()
    {
        Count(
            "nixfuse.mount.requests", "{request}", "Requests of the kernel.", "operation",
            static c => c.Session.Requests.Select(static entry => (entry.Key.ToString(), entry.Value)));
        Count("nixfuse.mount.requests.failed", "{request}", "Requests that were answered with an error other than \"not there\".", static c => c.Session.Errors);
        Count("nixfuse.mount.requests.expired", "{request}", "Requests that were answered EIO because their deadline passed.", static c => c.Session.DeadlinesMissed);
        Count("nixfuse.mount.requests.interrupted", "{request}", "Requests whose program no longer waits.", static c => c.Session.Interrupted);
        Gauge("nixfuse.mount.requests.in_flight", "{request}", "Requests that wait for the server or the disk.", static c => c.Session.InFlight);
        Count("nixfuse.mount.notifications", "{notification}", "Notifications sent to the kernel.", static c => c.Session.Notifications);
        Gauge("nixfuse.mount.paths", "{path}", "Paths that were given node ids.", static c => c.KnownPaths);
        Gauge("nixfuse.daemon.connections", "{connection}", "Clients of the Nix daemon socket.", static c => c.DaemonConnections);
        Gauge("nixfuse.adding.waiting", "{path}", "Paths that were added here and wait to be registered.", static c => c.WaitingPaths);
        Gauge("nixfuse.adding.set_aside", "{path}", "Paths that were added here and that the server refused.", static c => c.PathsSetAside);
    }

    private void ObserveCache()
    {
        Gauge("nixfuse.cache.up", "1", "Whether the cache is open and takes what it is given.", static c => c.Cache is { IsOpen: true, BypassReason: null } ? 1 : 0);
        Gauge("nixfuse.cache.size", "By", "What the cache takes on disk.", static c => c.Cache.SizeBytes);
        Gauge("nixfuse.cache.size.limit", "By", "What it may take.", static c => c.Cache.SizeBytesMax);
        Gauge("nixfuse.cache.chunks", "{chunk}", "Chunks in the cache.", static c => c.Cache.Entries);
        Count("nixfuse.cache.hits", "{chunk}", "Chunks that were found.", "tier", static c => [("memory", c.Cache.MemoryHits), ("disk", c.Cache.DiskHits)]);
        Count("nixfuse.cache.misses", "{chunk}", "Chunks that were not found.", static c => c.Cache.Misses);
        Count("nixfuse.cache.stored", "{chunk}", "Chunks that were stored.", static c => c.Cache.Stored);
        Count("nixfuse.cache.written", "By", "Plain bytes of chunks that were stored.", static c => c.Cache.StoredBytes);
        Count("nixfuse.cache.dropped", "{chunk}", "Chunks that were not kept because the disk was too slow or full.", static c => c.Cache.Dropped);
        Count("nixfuse.cache.evicted", "{chunk}", "Chunks that made room for others.", static c => c.Cache.Evicted);
        Count("nixfuse.cache.damaged", "{chunk}", "Chunks that were found damaged, and dropped.", static c => c.Cache.Corrupt);
        Count("nixfuse.cache.expired", "{read}", "Reads that the disk did not answer in time.", static c => c.Cache.TimedOut);
    }

    private void ObserveStore()
    {
        Gauge("nixfuse.store.up", "1", "Whether the server is in touch.", static c => c.Reader.IsConnected ? 1 : 0);
        Gauge("nixfuse.store.event", "1", "Number of the last event of the store that is known here.", static c => c.Reader.LastEvent);
        Gauge("nixfuse.store.round_trip", "s", "Smallest round trip to the server of late.", static c => c.Reader.RoundTrip.TotalSeconds);
        Gauge("nixfuse.store.rate", "By/s", "Largest rate of late at which the server delivered.", static c => c.Reader.BytesPerSecond);
        Gauge("nixfuse.store.chunks.in_flight", "{chunk}", "Chunks on their way.", static c => c.Reader.ChunksInFlight);
        Count(
            "nixfuse.store.requests", "{request}", "Requests to the server.", "kind",
            static c =>
            [
                ("metadata", c.Reader.MetadataRequests), ("demand", c.Reader.DemandRequests), ("read_ahead", c.Reader.ReadAheadRequests), ("prefetch", c.Reader.BulkRequests),
            ]);
        Count("nixfuse.store.requests.failed", "{request}", "Requests for chunks that failed and were made again.", static c => c.Reader.FailedRequests);
        Count("nixfuse.store.chunks.received", "{chunk}", "Chunks that came.", static c => c.Reader.ReceivedChunks);
        Count("nixfuse.store.received", "By", "Bytes of chunks as they travelled.", static c => c.Reader.ReceivedBytes);
        Count("nixfuse.store.unpacked", "By", "The same, unpacked.", static c => c.Reader.ReceivedPlainBytes);
        Count("nixfuse.store.chunks.refused", "{chunk}", "Chunks that were not what they were named.", static c => c.Reader.BadChunks);
        Count("nixfuse.read_ahead.received", "By", "Plain bytes that came before a reader asked.", static c => c.Reader.ReadAheadBytes);
        Count("nixfuse.read_ahead.used", "By", "Those of them that a reader then asked for.", static c => c.Reader.ReadAheadUsedBytes);
    }
}
