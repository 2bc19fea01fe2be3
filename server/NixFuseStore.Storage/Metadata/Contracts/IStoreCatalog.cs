namespace NixFuseStore.Storage.Metadata;

/// <summary>Stores and their signing keys.</summary>
public interface IStoreCatalog
{
    /// <summary>Creates a store with its first signing key, or returns null where the name is taken.</summary>
    Task<StoreRecord?> CreateStoreAsync(NewStore store, CancellationToken cancellationToken = default);

    /// <summary>The store of that name, or null.</summary>
    Task<StoreRecord?> FindStoreAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>All stores by name.</summary>
    Task<IReadOnlyList<StoreRecord>> ListStoresAsync(CancellationToken cancellationToken = default);

    /// <summary>The store's signing keys, newest first; never empty for a store that exists.</summary>
    Task<IReadOnlyList<SigningKeyRecord>> GetSigningKeysAsync(StoreId store, CancellationToken cancellationToken = default);

    /// <summary>Adds a key, which becomes the newest. Both halves in Nix's form, <c>name:base64</c>.</summary>
    Task AddSigningKeyAsync(StoreId store, string secretKey, string publicKey, CancellationToken cancellationToken = default);
}
