namespace NixFuseStore.Storage.Metadata;

/// <summary>The number of a store within one database. It never leaves the server; names and <see cref="StoreRecord.Uuid"/> do.</summary>
/// <param name="Value">The row number, from 1.</param>
public readonly record struct StoreId(int Value)
{
    /// <inheritdoc/>
    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
