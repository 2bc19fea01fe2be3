using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Server;

namespace NixFuseStore.Client.Paths;

/// <summary>
/// Asks again for records that got signatures or damage, many at a time. Until the answer is there, what was known goes on counting: the
/// content is the same. Any thread.
/// </summary>
internal sealed class RecordRefresher : IAsyncDisposable
{
    /// <summary>Others that are signed together with a path travel with it; and an answer that was under way when it was signed is there by then.</summary>
    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(15);

    private readonly PathTable _table;
    private readonly ClosureFetcher _closures;
    private readonly DeferredWork _work;
    private readonly Lock _gate = new();

    // Guarded by _gate.
    private HashSet<string> _hashParts = [];

    public RecordRefresher(PathTable table, ClosureFetcher closures, TimeProvider time)
    {
        _table = table;
        _closures = closures;
        _work = new DeferredWork(Linger, RetryPause, RefreshAsync, time);
    }

    /// <summary>The record of a path is no longer what it was.</summary>
    public void Add(string hashPart)
    {
        lock (_gate)
        {
            _hashParts.Add(hashPart);
        }

        _work.Ask();
    }

    public ValueTask DisposeAsync() => _work.DisposeAsync();

    private async Task<bool> RefreshAsync(CancellationToken cancellationToken)
    {
        HashSet<string> taken;
        lock (_gate)
        {
            (taken, _hashParts) = (_hashParts, []);
        }

        // What is not known is asked for when it is wanted.
        taken.RemoveWhere(hashPart => _table.FindBaseName(Key256.OfHashPart(hashPart)) is null);
        try
        {
            await _closures.QueryAsync([.. taken], Deadline, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (StoreClientException)
        {
            lock (_gate)
            {
                _hashParts.UnionWith(taken);
            }

            return false;
        }
    }
}
