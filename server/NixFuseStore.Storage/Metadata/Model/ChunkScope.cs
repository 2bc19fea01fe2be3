namespace NixFuseStore.Storage.Metadata;

/// <summary>
/// The stores that a principal may read. A chunk outside of them is answered as missing, so that no caller learns
/// from a hash whether another store has some content, nor gets it by registering a path that names it.
/// </summary>
public sealed class ChunkScope : IEquatable<ChunkScope>
{
    private ChunkScope(IReadOnlyList<StoreId>? stores) => Stores = stores;

    /// <summary>Every store.</summary>
    public static ChunkScope All { get; } = new(null);

    /// <summary>The stores, or null for all.</summary>
    public IReadOnlyList<StoreId>? Stores { get; }

    /// <summary>Only the stores given.</summary>
    public static ChunkScope Of(params IReadOnlyList<StoreId> stores)
    {
        ArgumentNullException.ThrowIfNull(stores);
        return new([.. stores.Distinct().OrderBy(static store => store.Value)]);
    }

    /// <summary>Whether it is the same stores.</summary>
    public bool Equals(ChunkScope? other) =>
        other is not null && (Stores is null || other.Stores is null ? Stores is null && other.Stores is null : Stores.SequenceEqual(other.Stores));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ChunkScope);

    /// <inheritdoc/>
    public override int GetHashCode() => Stores is null ? 0 : Stores.Aggregate(1, static (hash, store) => HashCode.Combine(hash, store));
}
