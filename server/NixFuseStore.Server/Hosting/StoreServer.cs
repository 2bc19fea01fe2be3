using System.Net.Sockets;
using Grpc.AspNetCore.Server;
using NixFuseStore.Native.Linux;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Building;
using NixFuseStore.Server.Content;
using NixFuseStore.Server.Derivations;
using NixFuseStore.Server.Endpoints.BinaryCache;
using NixFuseStore.Server.Endpoints.DataPlane;
using NixFuseStore.Server.Endpoints.Grpc;
using NixFuseStore.Server.Ingest;
using NixFuseStore.Server.Listening;
using NixFuseStore.Server.Registration;
using NixFuseStore.Server.Signing;
using NixFuseStore.Server.Upstreams;
using NixFuseStore.Storage.Base;
using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;
using OpenTelemetry.Metrics;

namespace NixFuseStore.Server.Hosting;

/// <summary>A running server. Disposing it stops it: calls are given a few seconds, then it closes what it opened.</summary>
public sealed class StoreServer : IAsyncDisposable
{
    /// <summary>Enough for all connections that are ever served.</summary>
    private const int DescriptorsWanted = 1 << 17;

    /// <summary>Descriptors for libraries that the runtime loads only when a request first needs them.</summary>
    private const int LibrariesToCome = 40;

    /// <summary>Below this many descriptors the operator is told that there will be few connections.</summary>
    private const int FewDescriptors = 4096;

    private readonly WebApplication _application;
    private readonly IMetadataStore _metadata;
    private readonly IBlobStore _blobs;
    private readonly ChunkStore _chunks;
    private readonly MeterProvider _exporter;
    private readonly ServerMetrics _metrics;
    private readonly CancellationTokenSource _stopping;
    private readonly LineLogger _logger;
    private readonly TimeSpan _stopTimeout;
    private Task _rotation = Task.CompletedTask;
    private bool _disposed;

    private StoreServer(
        WebApplication application, IMetadataStore metadata, IBlobStore blobs, ChunkStore chunks, MeterProvider exporter, ServerMetrics metrics,
        CancellationTokenSource stopping, LineLogger logger, TimeSpan stopTimeout)
    {
        _application = application;
        _metadata = metadata;
        _blobs = blobs;
        _chunks = chunks;
        _exporter = exporter;
        _metrics = metrics;
        _stopping = stopping;
        _logger = logger;
        _stopTimeout = stopTimeout;
    }

    /// <summary>Where it can be reached, with the ports that it really got.</summary>
    public IReadOnlyList<string> Addresses { get; private set; } = [];

    /// <summary>Opens storage and listens. Makes the store <c>main</c> where there is no store at all.</summary>
    /// <exception cref="ServerException">It cannot start; the message is a line for the operator.</exception>
    /// <exception cref="FormatException">An address to listen on is none.</exception>
    public static async Task<StoreServer> StartAsync(ServerOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var limits = options.Limits with { Heartbeat = options.Heartbeat };
        var logger = new LineLogger(options.Log ?? Console.Error, options.LogLevel);
        IMetadataStore? metadata = null;
        IBlobStore? blobs = null;
        ChunkStore? chunks = null;
        ServerMetrics? metrics = null;
        MeterProvider? exporter = null;
        var stopping = new CancellationTokenSource();
        try
        {
            var descriptors = (int)Libc.RaiseOpenFiles(DescriptorsWanted);
            var connections = new ConnectionTable();
            var setup = CreateListening(options, limits, connections, logger);
            metadata = await StorageOpener.OpenMetadataAsync(options.Storage, mayCreate: true, logger.Notice, cancellation).ConfigureAwait(false);
            blobs = StorageOpener.OpenBlobs(options.Storage, logger.Notice);
            chunks = await OpenChunksAsync(metadata, blobs, logger, cancellation).ConfigureAwait(false);
            await StoreCreation.EnsureAnyAsync(metadata, cancellation).ConfigureAwait(false);
            var readiness = new Readiness(metadata, blobs, TimeProvider.System, logger);
            metrics = new ServerMetrics();
            metrics.Observe(chunks, metadata, connections);
            exporter = MetricsExport.Start(options.OtlpEndpoint, logger);
            var application = CreateApplication(setup, metadata, chunks, readiness, connections, limits, options.NetrcFile, metrics, exporter, logger, stopping.Token);
            var server = new StoreServer(application, metadata, blobs, chunks, exporter, metrics, stopping, logger, limits.StopTimeout);
            await server.ListenAsync(setup, cancellation).ConfigureAwait(false);
            BoundConnections(connections, descriptors, logger);
            logger.LogsFramework = true;
            server._rotation = new KeyRotation(metadata, TimeProvider.System, logger).RunAsync(stopping.Token);
            if (!await metadata.AnyTokenAsync(cancellation).ConfigureAwait(false))
            {
                logger.Notice(
                    "no token was made yet, so root and this server's own user may do everything over loopback; root of a container that shares this host's network is root to it. Make a token to end that: nixfuse-server token create");
            }

            return server;
        }
        catch
        {
            // Why it could not start is what the operator has to hear.
            exporter?.Dispose();
            metrics?.Dispose();
            await CleanUp.RunAsync(
                logger.Notice,
                "what was opened",
                () => chunks?.DisposeAsync() ?? ValueTask.CompletedTask,
                () => blobs?.DisposeAsync() ?? ValueTask.CompletedTask,
                () => metadata?.DisposeAsync() ?? ValueTask.CompletedTask).ConfigureAwait(false);
            stopping.Dispose();
            logger.Dispose();
            throw;
        }
    }

    /// <summary>The stores with their keys, for the operator.</summary>
    public async Task<IReadOnlyList<(string Name, string Directory, string PublicKey)>> DescribeStoresAsync(CancellationToken cancellation = default)
    {
        var stores = new List<(string Name, string Directory, string PublicKey)>();
        foreach (var store in await _metadata.ListStoresAsync(cancellation).ConfigureAwait(false))
        {
            var keys = await _metadata.GetSigningKeysAsync(store.Id, cancellation).ConfigureAwait(false);
            stores.Add((store.Name, store.StoreDirectory, keys[0].PublicKey));
        }

        return stores;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;

        // Endless calls are told at once; whatever else has not ended in time is cut off.
        await _stopping.CancelAsync().ConfigureAwait(false);
        using (var timeout = new CancellationTokenSource(_stopTimeout))
        {
            await _application.StopAsync(timeout.Token).ConfigureAwait(false);
        }

        await _rotation.ConfigureAwait(false);
        await _application.DisposeAsync().ConfigureAwait(false);
        _exporter.Dispose();
        _metrics.Dispose();
        await _chunks.DisposeAsync().ConfigureAwait(false);
        await _blobs.DisposeAsync().ConfigureAwait(false);
        await _metadata.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
        _logger.Dispose();
    }

    /// <summary>Waits until what was logged has been written, for those who look at it.</summary>
    internal void FlushLog() => _logger.Flush(TimeSpan.FromSeconds(10));

    /// <summary>Tells how many connections there may be, once the server listens and the runtime has opened most of what it keeps open.</summary>
    private static void BoundConnections(ConnectionTable connections, int descriptors, ILogger logger)
    {
        // Some 180: two for each library of the runtime.
        var inUse = Directory.GetFileSystemEntries("/proc/self/fd").Length + LibrariesToCome;
        connections.ConnectionsMax = ConnectionTable.MaxFor(descriptors - inUse);
        if (descriptors < FewDescriptors)
        {
            logger.Notice($"this process may have only {descriptors} files open, so it serves at most {connections.ConnectionsMax} connections at once; raise the limit (ulimit -n, LimitNOFILE=)");
        }
    }

    private static KestrelSetup CreateListening(ServerOptions options, ServerLimits limits, ConnectionTable connections, ILogger logger)
    {
        ListenAddress[] addresses = [.. options.Listen.Select(ListenAddress.Parse)];
        CertificateSource? certificate = null;
        if (options.TlsCertificateFile is { } certificateFile && options.TlsKeyFile is { } keyFile)
        {
            certificate = new CertificateSource(certificateFile, keyFile, TimeProvider.System, logger);
        }

        return certificate is not null || !addresses.Any(address => address.IsTls)
            ? new KestrelSetup(
                addresses, certificate, limits, connections, new ConnectionHandoffListener(), options.Metrics is { } metrics ? ListenAddress.Parse(metrics.Url) : null,
                MetricsEndpoint.Mark)
            : throw new ServerException("an https: address needs --tls-certificate FILE and --tls-key FILE");
    }

    private static async Task<ChunkStore> OpenChunksAsync(
        IMetadataStore metadata, IBlobStore blobs, LineLogger logger, CancellationToken cancellation)
    {
        try
        {
            var options = new ChunkStoreOptions { Notice = logger.Notice };
            return await ChunkStore.OpenAsync(metadata, blobs, options, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new ServerException($"cannot open {blobs.Description}: {e.Message}", e);
        }
    }

    private static WebApplication CreateApplication(
        KestrelSetup setup,
        IMetadataStore metadata,
        ChunkStore chunks,
        Readiness readiness,
        ConnectionTable connections,
        ServerLimits limits,
        string? netrcFile,
        ServerMetrics metrics,
        MeterProvider exporter,
        LineLogger logger,
        CancellationToken stopping)
    {
        // 1. What answers. Wired by hand: the graph is small and start-up stays free of reflection.
        var time = TimeProvider.System;
        var events = new StoreEvents(metadata, logger, time, limits.Heartbeat, stopping);
        events.Lost += _ => chunks.ForgetPackNames();
        var access = new AccessControl(new TokenDirectory(metadata, time, logger), new StoreNames(metadata, events));
        var keys = new StoreKeys(metadata, time);
        var verified = new VerifiedManifests();
        var verifier = new SubmittedPathVerifier(chunks, verified);
        var derivations = new DerivationChecker(new DerivationHashes(metadata, new StoredDerivations(metadata, chunks), limits));
        var registrar = new PathRegistrar(metadata, chunks, keys, new SubmittedPathParser(limits), verifier, derivations, limits, metrics, logger);
        var registrations = new RegistrationQueue((store, batches, cancellation) => registrar.RegisterAsync(store, batches, ending: null, cancellation));
        var nars = new NarReceiver(metadata, chunks, verified, new PathSizeLimit(metadata, time), limits);
        var upstreamHttp = new UpstreamHttp(new NetrcFile(netrcFile, time, logger), EnvironmentProxy.Current, time);
        var upstreams = new UpstreamDirectory(metadata, upstreamHttp, time, metrics, logger);
        var importer = new PathImporter(metadata, upstreams, nars, registrar, time, metrics, logger, stopping);
        var substituter = new Substituter(metadata, upstreams, importer);
        var service = new StoreService(metadata, access, keys, registrations, substituter, events, limits, logger);
        var leases = new BuildLeases(time);
        metadata.FoundAway += leases.NoteOutage;
        var builds = new BuildService(metadata, access, registrar, leases, limits, logger, stopping);
        var grpc = new GrpcEndpoint(access, limits, logger);
        var locations = new LocationCache(metadata, chunks.Verifier, events, limits);
        var reader = new ChunkReader(chunks, locations, limits, logger);
        var data = new DataPlaneEndpoint(access, reader, new ChunkReceiver(chunks, limits), nars, limits, logger);
        var cache = BinaryCacheEndpoint.Create(access, metadata, chunks, keys, registrations, nars, substituter, locations, events, limits, logger);

        // 2. What listens.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton<ILoggerFactory>(logger);
        AddGrpc(builder.Services, limits.MessageBytesMax);
        builder.Services.AddSingleton(service);
        builder.Services.AddSingleton(builds);
        builder.Services.AddSingleton(new HealthService(readiness.CheckAsync, time, stopping));
        builder.Services.AddSingleton(new CallInterceptor(access, limits, logger, stopping));
        setup.Apply(builder.WebHost);
        var application = builder.Build();
        application.Lifetime.ApplicationStopped.Register(upstreamHttp.Dispose);
        var requests = new RequestSwitch(grpc, data, cache, readiness, new MetricsEndpoint(access, logger), connections, metrics, logger);
        application.Use(next => context => requests.HandleAsync(context, next));
        application.UseRouting();
        application.MapGrpcService<StoreService>();
        application.MapGrpcService<BuildService>();
        application.MapGrpcService<HealthService>();
        application.MapGrpcReflectionService();
        application.MapPrometheusScrapingEndpoint(MetricsEndpoint.Path, exporter, configureBranchedPipeline: null, optionsName: null);
        return application;
    }

    private static void AddGrpc(IServiceCollection services, int messageBytesMax)
    {
        services.AddLogging();
        services.AddRoutingCore();
        services.AddGrpc(options =>
        {
            options.MaxReceiveMessageSize = messageBytesMax;
            options.MaxSendMessageSize = null;
            options.Interceptors.Add<CallInterceptor>();
        });

        // Last, as the library adds its own: a small message could become an endless one. Sections are compressed already.
        services.PostConfigure<GrpcServiceOptions>(options => options.CompressionProviders.Clear());
        services.AddGrpcReflection();
    }

    private async Task ListenAsync(KestrelSetup setup, CancellationToken cancellation)
    {
        try
        {
            await _application.StartAsync(cancellation).ConfigureAwait(false);
            Addresses = [.. setup.BoundAddresses];
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            await _application.DisposeAsync().ConfigureAwait(false);
            throw new ServerException($"cannot listen: {e.Message.TrimEnd('.')}; choose another address with --listen or --metrics", e);
        }
    }
}
