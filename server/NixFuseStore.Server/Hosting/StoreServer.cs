using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.BinaryCache;
using NixFuseStore.Server.DataPlane;
using NixFuseStore.Server.Grpc;
using NixFuseStore.Server.Ingest;
using NixFuseStore.Server.Listening;
using NixFuseStore.Server.Registration;
using NixFuseStore.Server.Registration.Derivations;
using NixFuseStore.Server.Services;
using NixFuseStore.Server.Upstreams;
using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Hosting;

/// <summary>A running server. Disposing it stops it: calls are given a few seconds, then it closes what it opened.</summary>
public sealed class StoreServer : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly IMetadataStore _metadata;
    private readonly IBlobStore _blobs;
    private readonly ChunkStore _chunks;
    private readonly CancellationTokenSource _stopping;
    private readonly TimeSpan _stopTimeout;
    private bool _disposed;

    private StoreServer(
        WebApplication application, IMetadataStore metadata, IBlobStore blobs, ChunkStore chunks, CancellationTokenSource stopping, TimeSpan stopTimeout)
    {
        _application = application;
        _metadata = metadata;
        _blobs = blobs;
        _chunks = chunks;
        _stopping = stopping;
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
        var logger = new LineLogger(options.Log ?? Console.Error, LogLevel.Information);
        var setup = CreateListening(options, limits, logger);
        var metadata = await StorageOpener.OpenMetadataAsync(options.Storage, mayCreate: true, logger.Notice, cancellation).ConfigureAwait(false);
        IBlobStore? blobs = null;
        ChunkStore? chunks = null;
        var stopping = new CancellationTokenSource();
        try
        {
            blobs = StorageOpener.OpenBlobs(options.Storage, logger.Notice);
            chunks = await OpenChunksAsync(metadata, blobs, cancellation).ConfigureAwait(false);
            await StoreCreation.EnsureAnyAsync(metadata, cancellation).ConfigureAwait(false);
            var application = CreateApplication(setup, metadata, chunks, limits, options.NetrcFile, logger, stopping.Token);
            var server = new StoreServer(application, metadata, blobs, chunks, stopping, limits.StopTimeout);
            await server.ListenAsync(setup, cancellation).ConfigureAwait(false);
            return server;
        }
        catch
        {
            if (chunks is not null)
            {
                await chunks.DisposeAsync().ConfigureAwait(false);
            }

            if (blobs is not null)
            {
                await blobs.DisposeAsync().ConfigureAwait(false);
            }

            await metadata.DisposeAsync().ConfigureAwait(false);
            stopping.Dispose();
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

        await _application.DisposeAsync().ConfigureAwait(false);
        await _chunks.DisposeAsync().ConfigureAwait(false);
        await _blobs.DisposeAsync().ConfigureAwait(false);
        await _metadata.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
    }

    private static KestrelSetup CreateListening(ServerOptions options, ServerLimits limits, ILogger logger)
    {
        ListenAddress[] addresses = [.. options.Listen.Select(ListenAddress.Parse)];
        CertificateSource? certificate = null;
        if (options.TlsCertificateFile is { } certificateFile && options.TlsKeyFile is { } keyFile)
        {
            certificate = new CertificateSource(certificateFile, keyFile, TimeProvider.System, logger);
        }

        return certificate is not null || !addresses.Any(address => address.IsTls)
            ? new KestrelSetup(addresses, certificate, limits, new HandOverListener())
            : throw new ServerException("an https: address needs --tls-certificate FILE and --tls-key FILE");
    }

    private static async Task<ChunkStore> OpenChunksAsync(IMetadataStore metadata, IBlobStore blobs, CancellationToken cancellation)
    {
        try
        {
            return await ChunkStore.OpenAsync(metadata, blobs, options: null, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new ServerException($"cannot open {blobs.Description}: {e.Message}", e);
        }
    }

    private static WebApplication CreateApplication(
        KestrelSetup setup, IMetadataStore metadata, ChunkStore chunks, ServerLimits limits, string? netrcFile, LineLogger logger, CancellationToken stopping)
    {
        // 1. What answers. Wired by hand: the graph is small and start-up stays free of reflection.
        var time = TimeProvider.System;
        var events = new StoreEvents(metadata, logger, time, limits.Heartbeat, stopping);
        events.Lost += _ => chunks.ForgetPackNames();
        var access = new AccessControl(new TokenDirectory(metadata, time, logger), new StoreNames(metadata, events));
        var keys = new StoreKeys(metadata, time);
        var verified = new VerifiedManifests();
        var verifier = new ClaimVerifier(chunks, verified);
        var derivations = new DerivationChecker(new DerivationHashes(metadata, new StoredDerivations(metadata, chunks), limits));
        var registrar = new PathRegistrar(metadata, chunks, keys, new ClaimParser(limits), verifier, derivations, limits, logger);
        var registrations = new RegistrationGroups(registrar);
        var nars = new NarReceiver(metadata, chunks, verified, new PathSizeLimit(metadata, time), limits);
        var upstreamHttp = new UpstreamHttp(new NetrcFile(netrcFile, time, logger), EnvironmentProxy.Current, time);
        var upstreams = new UpstreamDirectory(metadata, upstreamHttp, time, logger);
        var importer = new PathImporter(metadata, upstreams, nars, registrar, time, logger, stopping);
        var substituter = new Substituter(metadata, upstreams, importer);
        var service = new StoreService(metadata, access, keys, registrations, substituter, events, limits, logger);
        var grpc = new GrpcEndpoint(StoreMethodTable.Create(service), access, limits, logger, stopping);
        var locations = new LocationCache(metadata, events, limits);
        var reader = new ChunkReader(chunks, locations, limits, logger);
        var data = new DataPlaneEndpoint(access, reader, new ChunkReceiver(chunks, limits), nars, limits, logger);
        var cache = BinaryCacheEndpoint.Create(access, metadata, chunks, keys, registrations, nars, substituter, locations, events, limits, logger);

        // 2. What listens.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton<ILoggerFactory>(logger);
        setup.Apply(builder.WebHost);
        var application = builder.Build();
        application.Lifetime.ApplicationStopped.Register(upstreamHttp.Dispose);
        application.Run(new RequestSwitch(grpc, data, cache).HandleAsync);
        return application;
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
            throw new ServerException($"cannot listen: {e.Message}", e);
        }
    }
}
