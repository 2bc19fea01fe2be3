using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>What derivations make.</summary>
public interface IDerivationCatalog
{
    /// <summary>Notes the outputs of a valid derivation; false where it is not valid. Idempotent.</summary>
    Task<bool> AddDerivationOutputsAsync(
        StoreId store, StorePath derivation, IReadOnlyDictionary<string, StorePath> outputs, CancellationToken cancellationToken = default);

    /// <summary>The known outputs of a derivation by name; empty where none are known.</summary>
    Task<IReadOnlyDictionary<string, StorePath>> GetDerivationOutputsAsync(
        StoreId store, StorePath derivation, CancellationToken cancellationToken = default);

    /// <summary>Valid derivations that have this output.</summary>
    Task<IReadOnlyList<StorePath>> GetDeriversAsync(StoreId store, StorePath output, CancellationToken cancellationToken = default);

    /// <summary>Registers what a content-addressed derivation's output came to; the first one stays.</summary>
    /// <param name="store">The store.</param>
    /// <param name="id"><c>sha256:HASH!OUTPUT</c>.</param>
    /// <param name="json">Nix's JSON form, kept as it is.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The JSON that is registered now.</returns>
    Task<string> AddRealisationAsync(StoreId store, string id, string json, CancellationToken cancellationToken = default);

    /// <summary>Nix's JSON form of a realisation, or null.</summary>
    Task<string?> FindRealisationAsync(StoreId store, string id, CancellationToken cancellationToken = default);
}
