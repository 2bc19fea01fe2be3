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

    /// <summary>How many paths stores have, and how large these are; stores without paths are left out.</summary>
    Task<IReadOnlyDictionary<StoreId, StoreSize>> GetStoreSizesAsync(CancellationToken cancellationToken = default);

    /// <summary>Drops a key and all signatures that it made; false where the store has no such key.</summary>
    Task<bool> RemoveSigningKeyAsync(StoreId store, string publicKey, CancellationToken cancellationToken = default);

    /// <summary>Valid paths that lack the store's own signature by the key of that name, at most <paramref name="limit"/>.</summary>
    Task<IReadOnlyList<StoredPath>> FindUnsignedPathsAsync(StoreId store, string keyName, int limit, CancellationToken cancellationToken = default);

    /// <summary>How many such paths there are.</summary>
    Task<long> CountUnsignedPathsAsync(StoreId store, string keyName, CancellationToken cancellationToken = default);

    /// <summary>Adds a key, which becomes the newest. Both halves in Nix's form, <c>name:base64</c>.</summary>
    Task AddSigningKeyAsync(StoreId store, string secretKey, string publicKey, CancellationToken cancellationToken = default);
}

/// <summary>Small texts that a store keeps by name: settings of its own, and files of its binary cache that are nothing but text.</summary>
public interface IStoreTextCatalog
{
    /// <summary>Longest text kept, in characters.</summary>
    const int LengthMax = 4096;

    /// <summary>The text of that name, or null.</summary>
    Task<string?> FindTextAsync(StoreId store, string name, CancellationToken cancellationToken = default);

    /// <summary>Keeps a text in place of the one of that name; null removes it. Durable.</summary>
    Task SetTextAsync(StoreId store, string name, string? value, CancellationToken cancellationToken = default);
}
