using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Roots;

/// <summary>The session on the server that temporary roots belong to, opened when it is needed. One call at a time.</summary>
internal sealed class RootSession(RetryPolicy calls, string host)
{
    /// <summary>Roots in one call; the protocol's bound.</summary>
    internal const int RootsPerCall = 10_000;

    /// <summary>A process that dies keeps its roots for so long.</summary>
    internal static readonly TimeSpan Lease = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan CallDeadline = TimeSpan.FromSeconds(15);

    private ulong? _number;

    /// <summary>Whether there is one, as far as is known.</summary>
    internal bool IsOpen => _number is not null;

    /// <summary>Adds roots.</summary>
    /// <returns>False where its lease had run out: it is gone with all its roots, and the next call opens another one.</returns>
    internal async Task<bool> TryAddAsync(IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken)
    {
        var request = new AddTemporaryRootsRequest
        {
            Store = calls.StoreName,
            Session = _number ??= await OpenAsync(cancellationToken).ConfigureAwait(false),
        };
        request.BaseNames.AddRange(paths.Select(static path => path.BaseName));
        var answer = await calls.CallAsync(
            (endpoint, token) => endpoint.Store.AddTemporaryRootsAsync(request, CallDeadline, token), cancellationToken).ConfigureAwait(false);
        return StaysOpen(answer.Alive);
    }

    /// <summary>Removes roots of an open session.</summary>
    internal async Task RemoveAsync(IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken)
    {
        var request = new RemoveTemporaryRootsRequest { Store = calls.StoreName, Session = _number!.Value };
        request.BaseNames.AddRange(paths.Select(static path => path.BaseName));
        await calls.CallAsync(
            (endpoint, token) => endpoint.Store.RemoveTemporaryRootsAsync(request, CallDeadline, token), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Extends the lease, where a session is open.</summary>
    /// <returns>False where it had run out.</returns>
    internal async Task<bool> TryRenewAsync(CancellationToken cancellationToken)
    {
        if (_number is not { } number)
        {
            return true;
        }

        var request = new RenewSessionRequest { Store = calls.StoreName, Session = number, LeaseSeconds = (uint)Lease.TotalSeconds };
        var answer = await calls.CallAsync(
            (endpoint, token) => endpoint.Store.RenewSessionAsync(request, CallDeadline, token), cancellationToken).ConfigureAwait(false);
        return StaysOpen(answer.Alive);
    }

    /// <summary>Ends it with all its roots, where it is open.</summary>
    internal async Task CloseAsync(CancellationToken cancellationToken)
    {
        if (_number is { } number)
        {
            var request = new CloseSessionRequest { Store = calls.StoreName, Session = number };
            await calls.CallAsync(
                (endpoint, token) => endpoint.Store.CloseSessionAsync(request, CallDeadline, token), cancellationToken).ConfigureAwait(false);
            _number = null;
        }
    }

    private async Task<ulong> OpenAsync(CancellationToken cancellationToken)
    {
        var request = new OpenSessionRequest { Store = calls.StoreName, Host = host, LeaseSeconds = (uint)Lease.TotalSeconds };
        var answer = await calls.CallAsync(
            (endpoint, token) => endpoint.Store.OpenSessionAsync(request, CallDeadline, token), cancellationToken).ConfigureAwait(false);
        return answer.Session;
    }

    private bool StaysOpen(bool alive)
    {
        if (!alive)
        {
            _number = null;
        }

        return alive;
    }
}
