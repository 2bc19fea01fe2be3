using System.Threading.Channels;
using NixFuseStore.Client.Server;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Nix.LocalStores;

namespace NixFuseStore.Client.Push;

/// <summary>
/// Pushes paths of a local Nix store to a server. Nothing is sent that the server has; nothing is registered whose NAR hash is not
/// that of the local store's record; what was done when it is interrupted stays done. Serves one push.
/// </summary>
/// <remarks>
/// The stages, each with workers of its own and bounded together: read (walk the tree, hash, cut), ask which chunks are missing,
/// compress, upload, register. <see cref="RegistrationQueue{TWork}"/> keeps the order; <see cref="ChunkUploadTracker"/> says when a path's chunks
/// are there.
/// </remarks>
public sealed class Pusher
{
    /// <summary>How long a registration that is not full waits for more paths.</summary>
    private static readonly TimeSpan RegistrationLinger = TimeSpan.FromMilliseconds(10);

    private readonly LocalNixStore _store;
    private readonly RetryingPushTarget _target;
    private readonly PushOptions _options;
    private readonly TimeProvider _time;

    /// <summary>Prepares a push; connection and store stay the caller's.</summary>
    public Pusher(ServerConnection connection, LocalNixStore store, PushOptions options)
        : this(new ServerPushTarget(connection), store, options, TimeProvider.System)
    {
    }

    internal Pusher(IPushTarget target, LocalNixStore store, PushOptions options, TimeProvider time)
    {
        _store = store;
        _options = options;
        _time = time;
        _target = new RetryingPushTarget(new CheckedPushTarget(target), options.RetryFor, Progress, time);
    }

    /// <summary>How far it is.</summary>
    public PushProgress Progress { get; } = new();

    /// <summary>Called for each path as its outcome becomes known, one call at a time, on any thread; must be quick.</summary>
    public Action<PushedPath>? PathDone { get; init; }

    /// <summary>Pushes these paths and, unless the options say otherwise, all that they refer to.</summary>
    /// <returns>The outcome of each path. Failures of single paths are outcomes, not exceptions.</returns>
    /// <exception cref="LocalStoreException">A path is not valid in the local store, or that cannot be read.</exception>
    /// <exception cref="StoreClientException">The server cannot be used at all, or was away for too long.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled, also where a part of the push failed at the same time.</exception>
    public async Task<PushResult> PushAsync(IReadOnlyList<StorePath> roots, CancellationToken cancellationToken)
    {
        long started = _time.GetTimestamp();
        var parameters = await GetParametersAsync(cancellationToken).ConfigureAwait(false);
        var plan = await PushPlan.MakeAsync(_target, _store, roots, _options, cancellationToken).ConfigureAwait(false);
        Progress.AddPaths(plan.ToPush.Count + plan.Known.Count, plan.Known.Count, plan.ToPush.Sum(info => (long)info.NarSize));

        var outcomes = new List<PushedPath>(plan.Known);
        foreach (var known in plan.Known)
        {
            PathDone?.Invoke(known);
        }

        if (plan.ToPush.Count > 0)
        {
            await RunAsync(plan, parameters, outcomes, cancellationToken).ConfigureAwait(false);
        }

        return new PushResult(outcomes, _time.GetElapsedTime(started));
    }

    private async Task<ChunkingParameters> GetParametersAsync(CancellationToken cancellationToken)
    {
        var store = await _target.GetStoreAsync(cancellationToken).ConfigureAwait(false);
        if (store.StoreDirectory != _store.Directory.Path)
        {
            throw new StoreClientException(
                $"store '{_target.StoreName}' on the server is for {store.StoreDirectory}, the local store for {_store.Directory}; their paths do not fit");
        }

        if (!store.MayWrite)
        {
            throw new StoreAccessException($"the token does not allow writing to store '{_target.StoreName}'; ask for one with the right to write");
        }

        return ChunkingParameters.TryGet(store.ChunkingParameters, out var parameters)
            ? parameters
            : throw new StoreClientException(
                $"the server cuts content by rules {store.ChunkingParameters}, which this program does not know; it is older than the server");
    }

    private async Task RunAsync(
        PushPlan plan, ChunkingParameters parameters, List<PushedPath> outcomes, CancellationToken cancellationToken)
    {
        var toRead = Channel.CreateUnbounded<PathWork>();
        var ledger = new ChunkUploadTracker();
        var sender = new ChunkSender(_target, ledger, Progress, _options);
        var reader = new PathReader(_store, parameters, ledger, sender, Progress);
        var registrations = new PushRegistrations(ledger, _store.Directory, plan.Damaged, path => toRead.Writer.TryWrite(path), outcome =>
        {
            outcomes.Add(outcome);
            Progress.PathDone();
            PathDone?.Invoke(outcome);
        });
        var queue = new RegistrationQueue<PathWork>(_target, RegistrationLinger, registrations);
        PathWork[] paths = [.. plan.ToPush.Select((info, number) => NewWork(queue, number, info))];
        foreach (var path in paths)
        {
            queue.Expect(path);
            toRead.Writer.TryWrite(path);
        }

        queue.Complete();

        // The first stage to fail stops all; the queue ends by itself when every path has its outcome, and then stops the others.
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var loops = sender.Loops()
            .Concat(Enumerable.Repeat((CancellationToken token) => ReadAsync(toRead.Reader, reader, queue, token), _options.Workers))
            .Select(loop => RunLoopAsync(loop, stopping))
            .ToList();
        loops.Add(RunLoopAsync(queue.RunAsync, stopping, endsAll: true));
        await WhenAllFirstFailureAsync(loops, cancellationToken).ConfigureAwait(false);
    }

    private static PathWork NewWork(RegistrationQueue<PathWork> queue, int number, PathInfo info)
    {
        PathWork? work = null;
        return work = new PathWork(number, info, queue.Ready, exception => queue.Fail(work!, exception));
    }

    // On a thread of its own, since it computes and blocks on disk and bounds.
    private static Task ReadAsync(
        ChannelReader<PathWork> paths, PathReader reader, RegistrationQueue<PathWork> queue, CancellationToken cancellationToken) =>
        DedicatedThread.RunAsync(() =>
        {
            foreach (var path in paths.ReadAllAsync(cancellationToken).ToBlockingEnumerable(cancellationToken))
            {
                path.Attempts++;
                path.Waits.Add();
                try
                {
                    reader.Read(path, cancellationToken);
                    path.Waits.End();
                }
                catch (UnreadablePathException exception)
                {
                    path.Waits.Fail(exception);
                }
            }
        });

    private static Task RunLoopAsync(Func<CancellationToken, Task> loop, CancellationTokenSource stopping, bool endsAll = false) => Task.Run(async () =>
    {
        try
        {
            await loop(stopping.Token).ConfigureAwait(false);
            if (endsAll)
            {
                await stopping.CancelAsync().ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Stopped, by the caller or because another loop has ended; the one that stopped it tells why.
        }
        catch
        {
            await stopping.CancelAsync().ConfigureAwait(false);
            throw;
        }
    });

    // All loops have ended before the failure of the first one is thrown. A cancellation by the caller comes before any failure: it may have
    // reached a call while the loop that made it was not cancelled yet, and took it for a failure.
    private static async Task WhenAllFirstFailureAsync(List<Task> loops, CancellationToken cancellationToken)
    {
        Task? failed = null;
        while (loops.Count > 0)
        {
            var ended = await Task.WhenAny(loops).ConfigureAwait(false);
            loops.Remove(ended);
            failed ??= ended.IsCompletedSuccessfully ? null : ended;
        }

        cancellationToken.ThrowIfCancellationRequested();
        if (failed is not null)
        {
            await failed.ConfigureAwait(false);
        }
    }
}
