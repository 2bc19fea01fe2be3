namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>
/// Registrations that wait at the same time share one transaction, so that many who each add one derivation share one disk flush.
/// One transaction runs per store; the database would let the others wait anyway.
/// </summary>
internal sealed class RegistrationQueue(
    Func<StoreId, ChunkScope, IReadOnlyList<PathRegistration>, Task<IReadOnlyList<RegistrationResult>>> register)
{
    /// <summary>Paths that share a transaction at most, unless one call brings more.</summary>
    private const int BatchPathsMax = 1_000;

    /// <summary>Calls that may wait for one store.</summary>
    internal const int WaitingMax = 1_024;

    // Guards the lists in it; a store has an entry while its runner runs.
    private readonly Lock _gate = new();
    private readonly Dictionary<StoreId, LinkedList<Request>> _waiting = [];

    public Task<IReadOnlyList<RegistrationResult>> RegisterAsync(
        StoreId store, ChunkScope scope, IReadOnlyList<PathRegistration> paths, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var request = new Request(scope, paths, cancellationToken);
        lock (_gate)
        {
            if (_waiting.TryGetValue(store, out var queue))
            {
                if (queue.Count >= WaitingMax)
                {
                    throw new MetadataUnavailableException($"{WaitingMax} registrations are waiting for the database already; ask again later.");
                }

                queue.AddLast(request);
            }
            else
            {
                _waiting[store] = queue = new LinkedList<Request>([request]);
                _ = Task.Run(() => RunAsync(store, queue), CancellationToken.None);
            }
        }

        return request.Done.Task.WaitAsync(cancellationToken);
    }

    private async Task RunAsync(StoreId store, LinkedList<Request> queue)
    {
        while (true)
        {
            List<Request> batch;
            lock (_gate)
            {
                batch = Take(queue);
                if (batch.Count == 0)
                {
                    _waiting.Remove(store);
                    return;
                }
            }

            if (batch.Count == 1 || !await TryRunTogetherAsync(store, batch).ConfigureAwait(false))
            {
                foreach (var request in batch)
                {
                    await RunOneAsync(store, request).ConfigureAwait(false);
                }
            }
        }
    }

    /// <summary>Takes requests from the front while they fit together: the same scope, no path twice. Those whose callers have gone are passed over.</summary>
    private static List<Request> Take(LinkedList<Request> queue)
    {
        var batch = new List<Request>();
        var hashParts = new HashSet<string>();
        int paths = 0;
        while (queue.First is { Value: var next })
        {
            if (next.Cancellation.IsCancellationRequested)
            {
                queue.RemoveFirst();
                next.Done.TrySetCanceled(next.Cancellation);
                continue;
            }

            string[] added = [.. next.Paths.Select(path => path.Path.HashPart)];
            bool fits = batch.Count == 0
                || (paths + added.Length <= BatchPathsMax && SameScope(batch[0].Scope, next.Scope) && !added.Any(hashParts.Contains));
            if (!fits)
            {
                break;
            }

            queue.RemoveFirst();
            batch.Add(next);
            hashParts.UnionWith(added);
            paths += added.Length;
        }

        return batch;
    }

    private static bool SameScope(ChunkScope left, ChunkScope right) =>
        left.Stores is null ? right.Stores is null : right.Stores is not null && left.Stores.ToHashSet().SetEquals(right.Stores);

    /// <summary>False where it failed: then each is to run alone, so that one caller's mistake is not another's error.</summary>
    private async Task<bool> TryRunTogetherAsync(StoreId store, List<Request> batch)
    {
        try
        {
            var results = await register(store, batch[0].Scope, [.. batch.SelectMany(request => request.Paths)]).ConfigureAwait(false);
            int first = 0;
            foreach (var request in batch)
            {
                request.Done.TrySetResult([.. results.Skip(first).Take(request.Paths.Count)]);
                first += request.Paths.Count;
            }

            return true;
        }
        catch (MetadataUnavailableException exception)
        {
            // Alone they would fare no better, only later.
            foreach (var request in batch)
            {
                request.Done.TrySetException(exception);
            }

            return true;
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return false;
        }
    }

    private async Task RunOneAsync(StoreId store, Request request)
    {
        try
        {
            request.Done.TrySetResult(await register(store, request.Scope, request.Paths).ConfigureAwait(false));
        }
        catch (Exception exception)
        {
            request.Done.TrySetException(exception);
        }
    }

    private sealed record Request(ChunkScope Scope, IReadOnlyList<PathRegistration> Paths, CancellationToken Cancellation)
    {
        public TaskCompletionSource<IReadOnlyList<RegistrationResult>> Done { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
