using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Roots;

/// <summary>The roots of a store, of which this host adds and checks its own. Any thread; fails with <see cref="StoreClientException"/>.</summary>
public sealed class StoreRoots
{
    /// <summary>Links in one call; the protocol's bound.</summary>
    private const int RootsPerCall = 1000;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    /// <summary>How long an indirect root lasts whose link cannot be looked at again, being in a container's file system.</summary>
    private static readonly TimeSpan UnseenLease = TimeSpan.FromDays(7);

    private readonly StoreReader _reader;
    private readonly RetryPolicy _calls;
    private readonly string _host;

    /// <summary>Of a host's name, with the server of a reader, which stays the caller's.</summary>
    public StoreRoots(StoreReader reader, string host)
    {
        ArgumentNullException.ThrowIfNull(reader);
        _reader = reader;
        _calls = reader.Calls;
        _host = host;
    }

    /// <summary>Records a root that stays until it is removed. One of the same owner and name is set to the new path.</summary>
    /// <exception cref="StoreClientException">Another user of this host has a root of that name.</exception>
    public async Task AddPermanentAsync(StorePath path, string link, RootOwner owner, CancellationToken cancellationToken)
    {
        // Roots of two owners never replace each other, so that nothing is lost where one appears between the question and the answer.
        var mine = owner.On(_host);
        foreach (var root in await ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (root.Link == link && root.Host != mine && root.Kind == RootKind.Permanent && RootOwner.IsOn(_host, root.Host))
            {
                throw new StoreClientException($"the root '{link}' belongs to another user of this host; choose another name");
            }
        }

        await SetAsync(mine, new NewRoot { Kind = RootKind.Permanent, Link = link, BaseName = path.BaseName }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Records a link of a client. Where the link can be seen from this process too, it counts for as long as it is there; a link in
    /// another mount namespace can only be seen while that client lives, and counts for a week.
    /// </summary>
    /// <param name="link">Absolute path, as the client sees it.</param>
    /// <param name="client">Who asks.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>False where the link cannot be seen at all, or is no link to a path of this store: nothing was recorded.</returns>
    public async Task<bool> AddIndirectAsync(string link, RootClient client, CancellationToken cancellationToken)
    {
        var (view, target) = await RootLink.ReadAsync(link, client, _reader.Directory, cancellationToken).ConfigureAwait(false);
        if (view is RootLinkView.None or RootLinkView.Unknown)
        {
            return false;
        }

        // A link that is the same file here is no container's, whatever its client lives in.
        var owner = view == RootLinkView.Own ? client.Owner with { Container = null } : client.Owner;
        await SetAsync(
            owner.On(_host),
            new NewRoot
            {
                Kind = RootKind.Indirect,
                Link = link,
                BaseName = target.BaseName,
                LeaseSeconds = view == RootLinkView.Own ? 0 : (uint)UnseenLease.TotalSeconds,
            },
            cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>All roots. Those of links on this host were looked at again: one whose link is gone is dropped, one that points elsewhere now is changed.</summary>
    public async Task<IReadOnlyList<StoreRoot>> ListAsync(CancellationToken cancellationToken)
    {
        var roots = new List<StoreRoot>();
        var vanished = new List<(string Owner, string Link)>();
        foreach (var root in await ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (!StorePath.TryParseBaseName(root.BaseName, out var target))
            {
                continue;
            }

            if (root.Kind == RootKind.Indirect && RootOwner.IsOn(_host, root.Host) && root.LeaseUntil == 0)
            {
                var (view, now) = await RootLink.ReadAsync(root.Link, client: default, _reader.Directory, cancellationToken).ConfigureAwait(false);
                if (view == RootLinkView.None)
                {
                    vanished.Add((root.Host, root.Link));
                    continue;
                }

                if (view == RootLinkView.Own && now != target)
                {
                    target = now;
                    await SetAsync(
                        root.Host, new NewRoot { Kind = RootKind.Indirect, Link = root.Link, BaseName = target.BaseName }, cancellationToken).ConfigureAwait(false);
                }
            }

            roots.Add(new StoreRoot(KindOf(root.Kind), root.Host, root.Link, target, root.LeaseUntil != 0));
        }

        await RemoveAsync(vanished, cancellationToken).ConfigureAwait(false);
        return roots;
    }

    /// <summary>Valid paths that some root keeps, or that none does; ascending.</summary>
    public async Task<IReadOnlyList<StorePath>> ListByLivenessAsync(bool live, CancellationToken cancellationToken)
    {
        await ListAsync(cancellationToken).ConfigureAwait(false);
        var request = new QueryLivenessRequest { Store = _calls.StoreName, Live = live };
        var answers = await _calls.CallAllAsync(
            (endpoint, token) => endpoint.Store.QueryLivenessAsync(request, Deadline, token), cancellationToken).ConfigureAwait(false);
        var paths = new List<StorePath>();
        foreach (var name in answers.SelectMany(static answer => answer.BaseNames))
        {
            if (StorePath.TryParseBaseName(name, out var path))
            {
                paths.Add(path);
            }
        }

        return paths;
    }

    private async Task<IEnumerable<Root>> ReadAsync(CancellationToken cancellationToken)
    {
        var request = new ListRootsRequest { Store = _calls.StoreName };
        var answers = await _calls.CallAllAsync(
            (endpoint, token) => endpoint.Store.ListRootsAsync(request, Deadline, token), cancellationToken).ConfigureAwait(false);
        return answers.SelectMany(static answer => answer.Roots);
    }

    private Task<SetRootsResponse> SetAsync(string owner, NewRoot root, CancellationToken cancellationToken)
    {
        var request = new SetRootsRequest { Store = _calls.StoreName, Host = owner };
        request.Roots.Add(root);
        return _calls.CallAsync((endpoint, token) => endpoint.Store.SetRootsAsync(request, Deadline, token), cancellationToken);
    }

    private async Task RemoveAsync(List<(string Owner, string Link)> roots, CancellationToken cancellationToken)
    {
        foreach (var owned in roots.GroupBy(static root => root.Owner, static root => root.Link))
        {
            foreach (var batch in owned.Chunk(RootsPerCall))
            {
                var request = new RemoveRootsRequest { Store = _calls.StoreName, Host = owned.Key };
                request.Links.AddRange(batch);
                await _calls.CallAsync((endpoint, token) => endpoint.Store.RemoveRootsAsync(request, Deadline, token), cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private static StoreRootKind KindOf(RootKind kind) => kind switch
    {
        RootKind.Indirect => StoreRootKind.Indirect,
        RootKind.Temporary => StoreRootKind.Temporary,
        _ => StoreRootKind.Permanent,
    };
}
