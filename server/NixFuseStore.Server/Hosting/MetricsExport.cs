using System.Globalization;
using NixFuseStore.Server.Base;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace NixFuseStore.Server.Hosting;

/// <summary>Where metrics go: to callers of <c>/metrics</c>, and to a collector where there is one.</summary>
internal static class MetricsExport
{
    private const string ServiceName = "nixfuse-server";
    private const string OtlpPath = "/v1/metrics";

    /// <summary>OpenTelemetry's own name of the interval, milliseconds.</summary>
    private const string IntervalVariable = "OTEL_METRIC_EXPORT_INTERVAL";

    private const int IntervalDefault = 60_000;

    /// <summary>From 1 ms to 100 s, in steps that tell a cached answer from one out of the database, and that from an upload.</summary>
    private static readonly double[] DurationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 100];

    /// <summary>Begins to collect. Disposing what is returned sends what was not sent yet.</summary>
    /// <param name="otlpEndpoint">The collector, see <see cref="ParseEndpoint"/>; null for none.</param>
    /// <param name="logger">Is told when the collector cannot be reached, and when it can be again.</param>
    public static MeterProvider Start(Uri? otlpEndpoint, ILogger logger)
    {
        var builder = Sdk.CreateMeterProviderBuilder()
            .ConfigureResource(static resource => resource.AddService(ServiceName, autoGenerateServiceInstanceId: true))
            .AddMeter(ServerMetrics.MeterName, "System.Runtime", "Npgsql")
            .AddView("nixfuse.server.request.duration", new ExplicitBucketHistogramConfiguration { Boundaries = DurationBuckets })
            .AddPrometheusExporter(static options => options.ScopeInfoEnabled = false);
        if (otlpEndpoint is not null)
        {
            var options = new OtlpExporterOptions { Endpoint = otlpEndpoint, Protocol = OtlpExportProtocol.HttpProtobuf };
            builder.AddReader(new PeriodicExportingMetricReader(new OtlpExporter(options, logger), ReadInterval()));
        }

        return builder.Build();
    }

    /// <summary>Reads the address of a collector. Without a path, OTLP's own is added.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static Uri ParseEndpoint(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
        {
            throw new FormatException($"'{text}' is no address of a collector; expected http://HOST:PORT or https://HOST:PORT");
        }

        return uri.AbsolutePath == "/" ? new Uri(uri, OtlpPath) : uri;
    }

    private static int ReadInterval() =>
        int.TryParse(Environment.GetEnvironmentVariable(IntervalVariable), NumberStyles.None, CultureInfo.InvariantCulture, out var interval) && interval > 0
            ? interval
            : IntervalDefault;

    private sealed class OtlpExporter(OtlpExporterOptions options, ILogger logger) : OtlpMetricExporter(options)
    {
        private readonly string _collector = options.Endpoint.GetLeftPart(UriPartial.Authority);
        private bool _failed;

        public override ExportResult Export(in Batch<Metric> metrics)
        {
            var result = base.Export(in metrics);
            if (_failed != (result == ExportResult.Failure))
            {
                _failed = !_failed;
                logger.Notice(_failed ? $"metrics cannot be sent to {_collector}; it is tried again with every interval" : $"metrics are sent to {_collector} again");
            }

            return result;
        }
    }
}
