namespace NixFuseStore.Storage.Metadata;

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
