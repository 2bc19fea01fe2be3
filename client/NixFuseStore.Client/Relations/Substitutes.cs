using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Relations;

/// <summary>
/// Paths that are not here but in the caches that the server knows, which fetches, verifies and registers them. Nothing here believes what
/// they say of themselves before they are registered. All members may be called from any thread, and fail with
/// <see cref="StoreClientException"/>.
/// </summary>
public sealed class Substitutes
{
    /// <summary>Paths in one question; the protocol's bound.</summary>
    private const int PathsPerCall = 1000;

    private static readonly TimeSpan QueryDeadline = TimeSpan.FromSeconds(60);

    /// <summary>The server fetches whole closures before it answers, and goes on when it is not waited for.</summary>
    private static readonly TimeSpan FetchDeadline = TimeSpan.FromHours(1);

    private readonly StoreReader _reader;

    /// <summary>Asks the server of a reader, which stays the caller's.</summary>
    public Substitutes(StoreReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        _reader = reader;
    }

    /// <summary>What can be had, of paths that are not valid; others are left out.</summary>
    public async Task<IReadOnlyList<SubstitutePath>> FindAsync(IEnumerable<StorePath> paths, CancellationToken cancellationToken)
    {
        var found = new List<SubstitutePath>();
        foreach (var batch in paths.Chunk(PathsPerCall))
        {
            var request = new QuerySubstitutableRequest { Store = _reader.Calls.StoreName };
            request.HashParts.AddRange(batch.Select(static path => path.HashPart));
            var answer = await _reader.Calls.CallAsync(
                (endpoint, token) => endpoint.Store.QuerySubstitutableAsync(request, QueryDeadline, token), cancellationToken).ConfigureAwait(false);
            found.AddRange(answer.Paths.Select(Read).Where(path => batch.Contains(path.Path)));
        }

        return found;
    }

    /// <summary>Makes those of the paths valid that can be had, with all that they refer to.</summary>
    /// <returns>Those that could not be had although they are somewhere, each with one line that says why.</returns>
    public async Task<IReadOnlyList<string>> FetchAsync(IEnumerable<StorePath> paths, CancellationToken cancellationToken)
    {
        var failures = new List<string>();
        foreach (var batch in paths.Chunk(PathsPerCall))
        {
            var request = new SubstituteRequest { Store = _reader.Calls.StoreName };
            request.HashParts.AddRange(batch.Select(static path => path.HashPart));
            var answer = await _reader.Calls.CallAsync(
                (endpoint, token) => endpoint.Store.SubstituteAsync(request, FetchDeadline, token), cancellationToken).ConfigureAwait(false);
            failures.AddRange(answer.Results
                .Where(static result => result.Outcome == SubstituteResult.Types.Outcome.Failed)
                .Select(result => $"cannot substitute {_reader.Directory.Path}/{result.HashPart}: {result.Message}"));
        }

        return failures;
    }

    private static SubstitutePath Read(Protocol.SubstitutablePath path) => new(
        Parse(path.BaseName),
        path.Deriver.Length > 0 ? Parse(path.Deriver) : null,
        [.. path.References.Select(Parse)],
        path.DownloadSize,
        path.NarSize);

    private static StorePath Parse(string baseName) => StorePath.TryParseBaseName(baseName, out var path)
        ? path
        : throw new StoreClientException("the server names a path to be substituted that is none");
}
