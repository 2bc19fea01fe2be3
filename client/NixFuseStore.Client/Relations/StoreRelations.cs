using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Relations;

/// <summary>
/// What a store keeps beside its paths' records: who refers to whom, signatures, realisations. Nothing signs the answers, which decide
/// nothing here. All members may be called from any thread, and fail with <see cref="StoreClientException"/>.
/// </summary>
public sealed class StoreRelations
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly StoreReader _reader;
    private readonly RetryPolicy _calls;

    /// <summary>Asks the server of a reader, which stays the caller's.</summary>
    public StoreRelations(StoreReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        _reader = reader;
        _calls = reader.Calls;
    }

    /// <summary>Adds Nix signatures to a valid path.</summary>
    /// <exception cref="StoreClientException">The path is not valid, or the server refuses.</exception>
    public async Task AddSignaturesAsync(StorePath path, IEnumerable<NixSignature> signatures, CancellationToken cancellationToken)
    {
        var request = new AddSignaturesRequest { Store = _calls.StoreName };
        var added = new PathSignatures { BaseName = path.BaseName };
        added.Signatures.AddRange(signatures.Select(static signature => signature.ToString()));
        request.Paths.Add(added);
        var answer = await _calls.CallAsync(
            (endpoint, token) => endpoint.Store.AddSignaturesAsync(request, Deadline, token), cancellationToken).ConfigureAwait(false);
        if (answer.NotValid.Count > 0)
        {
            throw new StoreClientException($"cannot add signatures to {_reader.Directory.Print(path)}: it is not valid in the store");
        }

        await _reader.FetchRecordsAsync([path], cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Valid paths that refer to a path, itself among them where it does.</summary>
    public async Task<IReadOnlyCollection<StorePath>> GetReferrersAsync(StorePath path, CancellationToken cancellationToken)
    {
        var request = new QueryReferrersRequest { Store = _calls.StoreName };
        request.BaseNames.Add(path.BaseName);
        var answers = await _calls.CallAllAsync(
            (endpoint, token) => endpoint.Store.QueryReferrersAsync(request, Deadline, token), cancellationToken).ConfigureAwait(false);
        return Read(answers.SelectMany(static answer => answer.Paths));
    }

    /// <summary>Valid derivations that have a path as an output.</summary>
    public async Task<IReadOnlyCollection<StorePath>> GetDeriversAsync(StorePath path, CancellationToken cancellationToken)
    {
        var request = new QueryDeriversRequest { Store = _calls.StoreName };
        request.BaseNames.Add(path.BaseName);
        var answers = await _calls.CallAllAsync(
            (endpoint, token) => endpoint.Store.QueryDeriversAsync(request, Deadline, token), cancellationToken).ConfigureAwait(false);
        return Read(answers.SelectMany(static answer => answer.Paths));
    }

    /// <summary>
    /// Registers what an output of a content-addressed derivation came to; the first one stays, and takes over the signatures of later ones
    /// that are equal but for them. One whose path is not valid gives way to one whose path is.
    /// </summary>
    /// <param name="id"><c>sha256:HEX!OUTPUT</c>.</param>
    /// <param name="json">Nix's form.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The JSON of the one that is registered now, which may name another path.</returns>
    public async Task<string> AddRealisationAsync(string id, string json, CancellationToken cancellationToken)
    {
        var request = new AddRealisationsRequest { Store = _calls.StoreName };
        request.Realisations.Add(new Realisation { Id = id, Json = json });
        var answer = await _calls.CallAsync(
            (endpoint, token) => endpoint.Store.AddRealisationsAsync(request, Deadline, token), cancellationToken).ConfigureAwait(false);
        return answer.Realisations.FirstOrDefault(realisation => realisation.Id == id)?.Json
            ?? throw new StoreClientException($"the server does not say which realisation of {id} it has registered");
    }

    /// <summary>Nix's form of a realisation, or null.</summary>
    public async Task<string?> FindRealisationAsync(string id, CancellationToken cancellationToken)
    {
        var request = new QueryRealisationsRequest { Store = _calls.StoreName };
        request.Ids.Add(id);
        var answer = await _calls.CallAsync(
            (endpoint, token) => endpoint.Store.QueryRealisationsAsync(request, Deadline, token), cancellationToken).ConfigureAwait(false);
        return answer.Realisations.FirstOrDefault(realisation => realisation.Id == id)?.Json;
    }

    private static StorePath[] Read(IEnumerable<RelatedPaths> answers)
    {
        var paths = new SortedSet<StorePath>();
        foreach (var name in answers.SelectMany(static answer => answer.Related))
        {
            if (StorePath.TryParseBaseName(name, out var path))
            {
                paths.Add(path);
            }
        }

        return [.. paths];
    }
}
