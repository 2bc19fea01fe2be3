using NixFuseStore.Daemon;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Cli.Daemon;

/// <content>Adding paths and what is kept beside them, substitutes, realisations.</content>
internal sealed partial class MountedStore
{
    /// <inheritdoc/>
    public IPathImport BeginImport(ulong? narBytes, INarVisitor? observer) => _reader.MayWrite == false
        ? new ValidPathImport(this, observer)
        : new MountedPathImport(StoreErrors.Translate(() => _writer.BeginImport(narBytes, observer)));

    /// <inheritdoc/>
    public Task AddSignaturesAsync(StorePath path, IReadOnlyCollection<NixSignature> signatures, CancellationToken cancellationToken) =>
        StoreErrors.TranslateAsync(_relations.AddSignaturesAsync(path, signatures, cancellationToken));

    /// <inheritdoc/>
    public Task AddBuildLogAsync(StorePath derivation, Stream log, bool failed, CancellationToken cancellationToken) =>
        StoreErrors.TranslateAsync(_logs.AddAsync(derivation, log, failed, cancellationToken));

    /// <inheritdoc/>
    public Task<string> AddRealisationAsync(string id, string json, CancellationToken cancellationToken) =>
        StoreErrors.TranslateAsync(_relations.AddRealisationAsync(id, json, cancellationToken));

    /// <inheritdoc/>
    public Task<string?> FindRealisationAsync(string id, CancellationToken cancellationToken) =>
        StoreErrors.TranslateAsync(_relations.FindRealisationAsync(id, cancellationToken));

    /// <inheritdoc/>
    public async Task<IReadOnlyCollection<SubstitutablePath>> FindSubstitutableAsync(IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken)
    {
        var found = await StoreErrors.TranslateAsync(_substitutes.FindAsync(paths, cancellationToken)).ConfigureAwait(false);
        return [.. found.Select(static path => new SubstitutablePath(path.Path, path.Deriver, path.References, path.DownloadSize, path.NarSize))];
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyCollection<StorePath>> SubstituteAsync(IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken)
    {
        var valid = await FilterValidAsync(paths, cancellationToken).ConfigureAwait(false);
        var missing = paths.Where(path => !valid.Contains(path) || IsDamaged(path)).ToArray();
        if (missing.Length > 0)
        {
            foreach (var failure in await StoreErrors.TranslateAsync(_substitutes.FetchAsync(missing, cancellationToken)).ConfigureAwait(false))
            {
                _log(failure);
            }
        }

        return await FilterValidAsync(paths, cancellationToken).ConfigureAwait(false);
    }
}
