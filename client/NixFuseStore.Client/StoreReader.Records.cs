using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client;

/// <content>Questions about what is valid, by those who have the patience to wait for a server that is started again.</content>
public sealed partial class StoreReader
{
    private static readonly TimeSpan ListAllDeadline = TimeSpan.FromMinutes(5);

    /// <summary>
    /// The verified record of a path, or null where it is not valid. The first question about a path that is not known, or whose references
    /// are not, brings the records of its whole closure, so that those that follow about its references are answered from memory. While the
    /// server is away, what was valid when it was last asked.
    /// </summary>
    /// <exception cref="StoreUnavailableException">The server is away, and the path is not known.</exception>
    /// <exception cref="StoreVerificationException">What the server says of it does not verify.</exception>
    public ValueTask<PathHandle?> FindWithClosureAsync(StorePath path, CancellationToken cancellationToken) =>
        FindKnown(path) is { } known && HasReferencesAtHand(known.Info)
            ? new ValueTask<PathHandle?>(known)
            : new ValueTask<PathHandle?>(AskWithClosureAsync(path, cancellationToken));

    /// <summary>
    /// Whether a path's references are known too, or cannot be asked for at this moment. A path that was asked for alone is known without them; a caller that
    /// then walks its closure would ask for that of each reference.
    /// </summary>
    public bool HasReferencesAtHand(PathInfo info)
    {
        ArgumentNullException.ThrowIfNull(info);
        return !_health.IsUp || info.References.All(IsAtHand);

        bool IsAtHand(StorePath reference)
        {
            var key = Key256.OfHashPart(reference.BaseName);
            return _table.FindBaseName(in key) is not null || _pending.Find(in key) is not null;
        }
    }

    /// <summary>Those of the paths that are valid; at most one question to the server for every 500 that are not known.</summary>
    /// <exception cref="StoreUnavailableException">The server is away, and not all of the paths are known.</exception>
    public async ValueTask<IReadOnlyCollection<StorePath>> FilterValidAsync(IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(paths);
        string[] unknown = [.. paths.Where(path => FindKnown(path) is null).Select(path => path.HashPart).Distinct()];
        if (unknown.Length > 0)
        {
            await _records.FetchAsync(unknown, cancellationToken).ConfigureAwait(false);
        }

        return [.. paths.Where(path => FindKnown(path) is not null)];
    }

    /// <summary>The valid path with this hash part, or null.</summary>
    /// <exception cref="StoreUnavailableException">The server is away, and the path is not known.</exception>
    public async ValueTask<StorePath?> FindByHashPartAsync(string hashPart, CancellationToken cancellationToken)
    {
        if (!StorePath.IsHashPart(hashPart))
        {
            return null;
        }

        var key = Key256.OfHashPart(hashPart);
        if (_pending.Find(in key) is { } pending)
        {
            return pending.Path;
        }

        if (_table.FindBaseName(in key) is null)
        {
            await _records.FetchAsync([hashPart], cancellationToken).ConfigureAwait(false);
        }

        return _table.FindBaseName(in key) is { } name && StorePath.TryParseBaseName(name, out var path) && FindKnown(path) is not null ? path : null;
    }

    /// <summary>Asks for records, also for those that are known but may have changed.</summary>
    internal Task FetchRecordsAsync(IEnumerable<StorePath> paths, CancellationToken cancellationToken) =>
        _records.FetchAsync(paths.Select(static path => path.HashPart), cancellationToken);

    /// <summary>Every valid path, ascending.</summary>
    /// <exception cref="StoreUnavailableException">The server is away.</exception>
    public async Task<IReadOnlyList<StorePath>> ListValidAsync(CancellationToken cancellationToken)
    {
        var request = new ListPathsRequest { Store = _connection.StoreName };
        var pages = await Calls.CallAllAsync(
            (endpoint, token) => endpoint.Store.ListPathsAsync(request, ListAllDeadline, token), cancellationToken).ConfigureAwait(false);
        var paths = new List<StorePath>();
        foreach (var entry in pages.SelectMany(static page => page.Entries))
        {
            if (StorePath.TryParseBaseName(entry.BaseName, out var path))
            {
                paths.Add(path);
            }
        }

        return [.. paths.Union(_pending.Between("", "").Select(static handle => handle.Path)).Order()];
    }

    private async Task<PathHandle?> AskWithClosureAsync(StorePath path, CancellationToken cancellationToken)
    {
        var key = Key256.OfHashPart(path.BaseName);
        try
        {
            await _records.FetchClosureAsync(path, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreUnavailableException) when (FindCached(in key, path) is not null)
        {
            return FindCached(in key, path);
        }

        if (FindKnown(path) is { } found)
        {
            return found;
        }

        if (_table.ForgetStale(in key))
        {
            _metadata.Remove(new MetadataKey(MetadataKind.Path, key));
        }

        return null;
    }
}
