using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>What derivations make. The outputs of a derivation come with its registration.</summary>
public interface IDerivationCatalog
{
    /// <summary>Valid derivations that have these paths, valid or not, as outputs; ascending within each output.</summary>
    Task<ILookup<StorePath, StorePath>> GetDeriversAsync(
        StoreId store, IReadOnlyCollection<StorePath> outputs, CancellationToken cancellationToken = default);

    /// <summary>
    /// Registers what outputs of content-addressed derivations came to; the first one of each id stays, and takes over the signatures of
    /// later ones that are equal to it but for them. Durable.
    /// </summary>
    /// <param name="store">The store.</param>
    /// <param name="realisations">Ids (<c>sha256:HASH!OUTPUT</c>) with Nix's JSON form.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What is registered now, by id.</returns>
    Task<IReadOnlyDictionary<string, string>> AddRealisationsAsync(
        StoreId store, IReadOnlyCollection<KeyValuePair<string, string>> realisations, CancellationToken cancellationToken = default);

    /// <summary>Nix's JSON form of realisations by id; unknown ones are left out.</summary>
    Task<IReadOnlyDictionary<string, string>> FindRealisationsAsync(
        StoreId store, IReadOnlyCollection<string> ids, CancellationToken cancellationToken = default);
}
