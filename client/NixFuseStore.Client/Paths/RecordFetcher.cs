using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Paths;

/// <summary>
/// Asks the server for records alone, for those who want to know what is valid and refers to what, and look into no path. What arrives is
/// learnt, unverified until it is used. Any thread.
/// </summary>
internal sealed class RecordFetcher(RetryPolicy calls, ClosureFetcher closures)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Task> _closuresAsked = [];

    /// <summary>
    /// Brings the records of a path's whole closure, unless another caller is just asking for the same: a caller that asks for one goes on to its
    /// references, and a round trip for each would take minutes on a slow link.
    /// </summary>
    public async Task FetchClosureAsync(StorePath path, CancellationToken cancellationToken)
    {
        Task asking;
        lock (_gate)
        {
            if (!_closuresAsked.TryGetValue(path.HashPart, out asking!))
            {
                _closuresAsked.Add(path.HashPart, asking = AskClosureAsync(path.HashPart));
            }
        }

        await asking.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Brings the records of some paths. Paths that are not valid bring none.</summary>
    public async Task FetchAsync(IEnumerable<string> hashParts, CancellationToken cancellationToken)
    {
        foreach (var batch in hashParts.Chunk(ClosureFetcher.RecordsPerRequestMax))
        {
            var request = new QueryPathsRequest { Store = calls.StoreName };
            request.HashParts.AddRange(batch);
            var response = await calls.CallAsync(
                (endpoint, token) => endpoint.Store.QueryPathsAsync(request, Deadline, token), cancellationToken).ConfigureAwait(false);
            foreach (var record in response.Paths)
            {
                closures.Learn(record);
            }
        }
    }

    private async Task AskClosureAsync(string hashPart)
    {
        // Off the caller's thread, which holds the lock.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            var request = new GetClosureRequest { Store = calls.StoreName };
            request.HashParts.Add(hashPart);
            await calls.CallAsync(
                async (endpoint, token) =>
                {
                    await foreach (var response in endpoint.Store.GetClosureAsync(request, Deadline, token).ConfigureAwait(false))
                    {
                        foreach (var item in response.Items.Where(static item => item.Path is not null))
                        {
                            closures.Learn(item.Path);
                        }
                    }

                    return true;
                },
                CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
            {
                _closuresAsked.Remove(hashPart);
            }
        }
    }
}
