using NixFuseStore.Daemon;
using NixFuseStore.Nix;

namespace NixFuseStore.Cli.Daemon;

/// <content>Roots.</content>
internal sealed partial class MountedStore
{
    /// <inheritdoc/>
    public ITemporaryRoots OpenTemporaryRoots() => new MountedTemporaryRoots(_temporaryRoots.Open());

    /// <inheritdoc/>
    public Task AddIndirectRootAsync(string link, DaemonPeer peer, CancellationToken cancellationToken) =>
        StoreErrors.TranslateAsync(AddIndirectAsync(link, peer, cancellationToken));

    /// <inheritdoc/>
    public Task AddPermanentRootAsync(StorePath path, string link, CancellationToken cancellationToken) =>
        StoreErrors.TranslateAsync(_roots.AddPermanentAsync(path, link, cancellationToken));

    /// <inheritdoc/>
    public Task<IReadOnlyCollection<(string Link, StorePath Target)>> FindRootsAsync(CancellationToken cancellationToken) =>
        StoreErrors.TranslateAsync(ListRootsAsync(cancellationToken));

    /// <inheritdoc/>
    public async Task<IReadOnlyCollection<StorePath>> ListByLivenessAsync(bool live, CancellationToken cancellationToken)
    {
        await StoreErrors.TranslateAsync(_temporaryRoots.FlushAsync(cancellationToken)).ConfigureAwait(false);
        return await StoreErrors.TranslateAsync(_roots.ListByLivenessAsync(live, cancellationToken)).ConfigureAwait(false);
    }

    private async Task AddIndirectAsync(string link, DaemonPeer peer, CancellationToken cancellationToken)
    {
        if (!await _roots.AddIndirectAsync(link, peer.ProcessId, cancellationToken).ConfigureAwait(false))
        {
            // Clients add a temporary root of the target before they make the link, so it is kept for as long as they are connected.
            _log($"the root {link} of process {peer.ProcessId} cannot be seen from here, or does not point into the store; it is not recorded");
        }
    }

    private async Task<IReadOnlyCollection<(string Link, StorePath Target)>> ListRootsAsync(CancellationToken cancellationToken)
    {
        await _temporaryRoots.FlushAsync(cancellationToken).ConfigureAwait(false);
        var roots = await _roots.ListAsync(cancellationToken).ConfigureAwait(false);
        return [.. roots.Select(static root => (root.Link, root.Target))];
    }
}
