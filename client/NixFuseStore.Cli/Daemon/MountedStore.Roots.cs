using NixFuseStore.Client.Roots;
using NixFuseStore.Daemon;
using NixFuseStore.Nix;

namespace NixFuseStore.Cli.Daemon;

/// <content>Roots.</content>
internal sealed partial class MountedStore
{
    /// <inheritdoc/>
    public ITemporaryRoots OpenTemporaryRoots() => new MountedTemporaryRoots(_temporaryRoots.Open());

    /// <inheritdoc/>
    public Task<string?> AddIndirectRootAsync(string link, DaemonPeer peer, CancellationToken cancellationToken) =>
        StoreErrors.TranslateAsync(AddIndirectAsync(link, peer, cancellationToken));

    /// <inheritdoc/>
    public Task AddPermanentRootAsync(StorePath path, string link, DaemonPeer peer, CancellationToken cancellationToken) =>
        StoreErrors.TranslateAsync(_roots.AddPermanentAsync(path, link, new RootOwner(peer.UserId, peer.SharesNamespaces ? null : peer.ForeignMounts ?? "elsewhere"), cancellationToken));

    /// <inheritdoc/>
    public Task<IReadOnlyCollection<(string Link, StorePath Target)>> FindRootsAsync(CancellationToken cancellationToken) =>
        StoreErrors.TranslateAsync(ListRootsAsync(cancellationToken));

    /// <inheritdoc/>
    public async Task<IReadOnlyCollection<StorePath>> ListByLivenessAsync(bool live, CancellationToken cancellationToken)
    {
        await StoreErrors.TranslateAsync(_temporaryRoots.FlushAsync(cancellationToken)).ConfigureAwait(false);
        return await StoreErrors.TranslateAsync(_roots.ListByLivenessAsync(live, cancellationToken)).ConfigureAwait(false);
    }

    // Clients add a temporary root of the target before they make the link, so it is kept for as long as they are connected in any case.
    private async Task<string?> AddIndirectAsync(string link, DaemonPeer peer, CancellationToken cancellationToken)
    {
        if (_reader.MayWrite == false)
        {
            return "the token of this mount may only read the store";
        }

        var client = new RootClient(new RootOwner(peer.UserId, peer.ForeignMounts), peer.ProcessId, peer.StartTicks);
        return await _roots.AddIndirectAsync(link, client, cancellationToken).ConfigureAwait(false)
            ? null
            : "it cannot be seen from the mount, or does not point into the store";
    }

    private async Task<IReadOnlyCollection<(string Link, StorePath Target)>> ListRootsAsync(CancellationToken cancellationToken)
    {
        await _temporaryRoots.FlushAsync(cancellationToken).ConfigureAwait(false);
        var roots = await _roots.ListAsync(cancellationToken).ConfigureAwait(false);
        return [.. roots.Select(static root => (root.Link, root.Target))];
    }
}
