using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.RateLimiting;
using NixFuseStore.Nix;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Ingest;
using NixFuseStore.Server.Registration;
using NixFuseStore.Server.Transfers;
using NixFuseStore.Storage.Metadata;
using Outcome = NixFuseStore.Protocol.RegisterPathResult.Types.Outcome;

namespace NixFuseStore.Server.Upstreams;

/// <summary>
/// Fetches single paths, each once at a time however many wait for it; when all of them give up, it goes on for the next. Calls may overlap.
/// </summary>
internal sealed class PathImporter(
    IPathCatalog metadata, UpstreamDirectory upstreams, NarReceiver receiver, PathRegistrar registrar, TimeProvider time, ServerMetrics metrics, ILogger logger,
    CancellationToken stopping)
{
    /// <summary>Downloads at the same time.</summary>
    private const int DownloadsMax = 8;

    /// <summary>A download may take so long, and more for a large NAR.</summary>
    private static readonly TimeSpan TimeMin = TimeSpan.FromSeconds(60);

    /// <summary>A download that breaks off is begun anew so often in all.</summary>
    private const int AttemptsMax = 3;

    /// <summary>A NAR that comes more slowly than this is given up.</summary>
    private const int NarBytesPerSecondMin = 50_000;

    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(500);

    private readonly ConcurrencyLimiter _downloads = Limiters.Waiting(DownloadsMax);
    private readonly ConcurrentDictionary<(StoreId Store, string HashPart), Lazy<Task<string?>>> _running = new();

    /// <summary>Makes a path valid whose references are.</summary>
    /// <returns>Null, or why it could not be had.</returns>
    public Task<string?> ImportAsync(StoreRecord store, string hashPart, CancellationToken cancellation)
    {
        var key = (store.Id, hashPart);
        var import = _running.GetOrAdd(key, _ => new Lazy<Task<string?>>(() => Task.Run(() => RunAsync(store, hashPart), CancellationToken.None)));
        return import.Value.WaitAsync(cancellation);
    }

    private async Task<string?> RunAsync(StoreRecord store, string hashPart)
    {
        try
        {
            using var turn = await _downloads.AcquireAsync(cancellationToken: stopping).ConfigureAwait(false);

            // Another server may have been quicker.
            if ((await metadata.QueryPathsAsync(store.Id, [hashPart], stopping).ConfigureAwait(false)).Any(path => !path.IsDamaged))
            {
                return null;
            }

            var failures = new List<string>();
            await foreach (var path in upstreams.FindAsync(store, hashPart, failures, stopping).ConfigureAwait(false))
            {
                try
                {
                    await FetchAsync(store, path).ConfigureAwait(false);
                    return null;
                }
                catch (UpstreamException e)
                {
                    failures.Add($"{path.Cache.Url}: {e.Message}");
                    await path.Cache.FailAsync(hashPart, new StoreDirectory(store.StoreDirectory), e, stopping).ConfigureAwait(false);
                }
                catch (RejectedRequestException e)
                {
                    // That this store cannot take the path is no fault of the cache.
                    failures.Add($"{path.Cache.Url}: {e.Message}");
                }
            }

            return failures.Count == 0 ? "no upstream cache has it" : string.Join("; ", failures);
        }
        finally
        {
            _running.TryRemove((store.Id, hashPart), out _);
        }
    }

    private async Task FetchAsync(StoreRecord store, UpstreamPath path)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await FetchOnceAsync(store, path).ConfigureAwait(false);
                return;
            }
            catch (UpstreamException e) when (e.Fault == UpstreamFault.Transfer && attempt < AttemptsMax)
            {
                await Task.Delay(RetryAfter * attempt, time, stopping).ConfigureAwait(false);
            }
        }
    }

    private async Task FetchOnceAsync(StoreRecord store, UpstreamPath path)
    {
        // 1. The NAR, within a time that its size gives it.
        var watch = Stopwatch.StartNew();
        var info = path.Info.Info;

        // As in Nix, the first bytes say what a file is, whatever the narinfo calls it; only brotli has none of its own, and a long frame without
        // content may be one of lz4 or of zstd.
        var otherwise = NarCompressions.TryParse(path.Info.Compression, out var named) && named is NarCompression.Brotli or NarCompression.Lz4
            ? named.Value
            : NarCompression.None;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        using var pace = new TransferPace(TransferRate.Unbounded, TimeProvider.System, limit.Token);
        limit.CancelAfter(TimeMin + TimeSpan.FromSeconds(info.NarSize / NarBytesPerSecondMin));
        ReceivedNar nar;
        try
        {
            var file = await path.Cache.OpenNarAsync(path.Info, limit.Token).ConfigureAwait(false);
            await using (file.ConfigureAwait(false))
            {
                nar = await receiver.ReceiveAsync(store, Principal.ImporterOf(store.Id), file, otherwise, info.NarSize, pace).ConfigureAwait(false);
            }
        }
        catch (RejectedRequestException e)
        {
            throw new UpstreamException($"its NAR of {info.Path} cannot be used: {e.Message}", UpstreamFault.Path, e);
        }
        catch (OperationCanceledException e) when (!stopping.IsCancellationRequested)
        {
            throw new UpstreamException($"the NAR of {info.Path} did not come within {watch.Elapsed.TotalSeconds:F0} s", UpstreamFault.Path, e);
        }

        // 2. The signed record answers for it.
        if (!nar.NarHash.Equals(info.NarHash) || nar.NarSize != info.NarSize)
        {
            throw new UpstreamException($"its NAR of {info.Path} has hash {nar.NarHash}, not {info.NarHash} as the narinfo says");
        }

        // 3. Registered as anything else.
        var claim = ManifestDraft.Complete(ManifestDraft.Of(nar.Manifest), info);
        var response = await registrar.RegisterAsync(store, [new SubmittedBatch(Principal.ImporterOf(store.Id), [claim])], ending: null, stopping).ConfigureAwait(false);
        var result = response.Results[0];
        if (result.Outcome is not (Outcome.Registered or Outcome.AlreadyValid or Outcome.Conflict))
        {
            throw new RejectedRequestException($"{info.Path} was refused: {result.Message}");
        }

        metrics.OnFetched();
        logger.Fetched(store.Name, info.Path.BaseName, path.Cache.Url, watch.ElapsedMilliseconds);
    }
}
