using Grpc.Core;
using System.Runtime.CompilerServices;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Catalog;

/// <summary>Records and names of a store on a server, asked for once and not kept. Any thread; the connection stays the caller's.</summary>
public sealed class StoreCatalog
{
    /// <summary>The server fetches whole closures before it answers.</summary>
    private static readonly TimeSpan FetchDeadline = TimeSpan.FromHours(1);

    /// <summary>Paths taken of one closure: more than any store has.</summary>
    private const int ClosurePathsMax = 1 << 20;

    // A server that falls silent is noticed by the connection's pings long before.
    private static readonly TimeSpan StreamDeadline = TimeSpan.FromMinutes(10);

    private readonly ServerConnection _connection;
    private readonly IReadOnlyList<NixPublicKey> _trustedKeys;
    private readonly GetStoreResponse _store;

    private StoreCatalog(ServerConnection connection, IReadOnlyList<NixPublicKey> trustedKeys, GetStoreResponse store)
    {
        _connection = connection;
        _trustedKeys = trustedKeys;
        _store = store;
        Directory = new StoreDirectory(store.StoreDirectory);
    }

    /// <summary>The store's directory.</summary>
    public StoreDirectory Directory { get; }

    /// <summary>Meets the server.</summary>
    /// <param name="connection">The server and the store.</param>
    /// <param name="trustedKeys">Keys whose statements are believed; none: the server's own, on loopback only.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StoreClientException">The server or the store cannot be used.</exception>
    public static async Task<StoreCatalog> OpenAsync(
        ServerConnection connection, IReadOnlyList<NixPublicKey> trustedKeys, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(connection);
        var request = new GetStoreRequest { Store = connection.StoreName };
        var store = await connection.CallAsync(
            (endpoint, token) => endpoint.Store.GetStoreAsync(request, ServerConnection.MeetDeadline, token), cancellationToken).ConfigureAwait(false);
        try
        {
            return new StoreCatalog(connection, trustedKeys, store);
        }
        catch (FormatException exception)
        {
            throw new StoreConfigurationException($"the server names a store directory that is none: {exception.Message}", exception);
        }
    }

    /// <summary>
    /// The records of some paths, with those of all that they refer to where <paramref name="closure"/>. What is not valid is first asked for
    /// at the upstream caches of the store.
    /// </summary>
    /// <exception cref="StoreConfigurationException">The server's key is not trusted.</exception>
    /// <exception cref="StoreVerificationException">No trusted key signed a record.</exception>
    /// <exception cref="StoreClientException">The server cannot be used.</exception>
    public async Task<CatalogAnswer> QueryAsync(IReadOnlyList<StorePath> paths, bool closure, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(paths);
        var verifier = TrustPolicy.Establish(_connection, _trustedKeys, _store);
        var request = new GetClosureRequest { Store = _connection.StoreName, NoReferences = !closure };
        request.HashParts.AddRange(paths.Select(path => path.HashPart).Distinct());
        var records = await _connection.CallAsync(
            (endpoint, token) => ReadClosureAsync(endpoint, request, token), cancellationToken).ConfigureAwait(false);
        if (await TryFetchAsync(paths, records, cancellationToken).ConfigureAwait(false))
        {
            records = await _connection.CallAsync(
                (endpoint, token) => ReadClosureAsync(endpoint, request, token), cancellationToken).ConfigureAwait(false);
        }

        // What was asked for, and what that refers to. A name that comes twice counts once; one that nothing led to does not count, nor does another
        // name with the same hash part, which is another path.
        var byName = new Dictionary<string, PathRecord>(StringComparer.Ordinal);
        foreach (var record in records)
        {
            byName.TryAdd(record.BaseName, record);
        }

        var order = new List<CatalogPath>();
        var met = new HashSet<string>(StringComparer.Ordinal);
        var wanted = new Queue<string>(paths.Select(static path => path.BaseName));
        while (wanted.TryDequeue(out var name))
        {
            if (!byName.TryGetValue(name, out var record) || !met.Add(name))
            {
                continue;
            }

            var path = new CatalogPath(verifier.Verify(record), [.. record.StoreSignatures]);
            order.Add(path);
            if (closure)
            {
                foreach (var reference in path.Handle.Info.References)
                {
                    wanted.Enqueue(reference.BaseName);
                }
            }
        }

        string[] notValid = [.. paths.Select(static path => path.BaseName).Where(name => !met.Contains(name)).Distinct()];
        return new CatalogAnswer(order, notValid);
    }

    /// <summary>All names that begin with a prefix (of base names; empty for all), in bytewise order. Nothing signs them.</summary>
    /// <exception cref="StoreClientException">The server cannot be used, or went away in between.</exception>
    public async IAsyncEnumerable<PathEntry> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var endpoint = _connection.Current;
        var last = "";
        var request = new ListPathsRequest { Store = _connection.StoreName, Prefix = prefix };
        await using var pages = endpoint.Store.ListPathsAsync(request, StreamDeadline, cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (true)
        {
            try
            {
                if (!await pages.MoveNextAsync().ConfigureAwait(false))
                {
                    yield break;
                }
            }
            catch (RpcException exception)
            {
                throw _connection.Translate(endpoint, exception);
            }

            foreach (var entry in pages.Current.Entries)
            {
                if (!StorePath.TryParseBaseName(entry.BaseName, out _) || !entry.BaseName.StartsWith(prefix, StringComparison.Ordinal)
                    || string.CompareOrdinal(entry.BaseName, last) <= 0)
                {
                    throw new StoreVerificationException(
                        $"server {endpoint.Address.GetLeftPart(UriPartial.Authority)} lists a name that is no store path, was not asked for, or is out of order");
                }

                last = entry.BaseName;
                yield return entry;
            }
        }
    }

    private async Task<bool> TryFetchAsync(IReadOnlyList<StorePath> paths, List<PathRecord> valid, CancellationToken cancellationToken)
    {
        var known = valid.Select(record => record.BaseName).ToHashSet();
        var request = new SubstituteRequest { Store = _connection.StoreName };
        request.HashParts.AddRange(paths.Where(path => !known.Contains(path.BaseName)).Select(path => path.HashPart).Distinct());
        if (request.HashParts.Count == 0)
        {
            return false;
        }

        var answer = await _connection.CallAsync(
            (endpoint, token) => endpoint.Store.SubstituteAsync(request, FetchDeadline, token), cancellationToken).ConfigureAwait(false);
        var failure = answer.Results.FirstOrDefault(static result => result.Outcome == SubstituteResult.Types.Outcome.Failed);
        return failure is null
            ? answer.Results.Any(static result => result.Outcome == SubstituteResult.Types.Outcome.Substituted)
            : throw new StoreClientException($"{Directory.Path}/{failure.BaseName} cannot be fetched from an upstream cache: {failure.Message}");
    }

    private static async Task<List<PathRecord>> ReadClosureAsync(ServerEndpoint endpoint, GetClosureRequest request, CancellationToken cancellationToken)
    {
        var records = new List<PathRecord>();
        bool truncated = false;
        await foreach (var page in endpoint.Store.GetClosureAsync(request, StreamDeadline, cancellationToken).ConfigureAwait(false))
        {
            // An item without a path is none.
            records.AddRange(page.Items.Select(static item => item.Path).Where(static path => path is not null));
            truncated |= page.Truncated;
            if (records.Count > ClosurePathsMax)
            {
                throw new StoreVerificationException(
                    $"server {endpoint.Address.GetLeftPart(UriPartial.Authority)} tells of more than {ClosurePathsMax} paths for one closure");
            }
        }

        return truncated
            ? throw new StoreClientException($"the closure has more paths than the server tells at once ({records.Count})")
            : records;
    }
}
