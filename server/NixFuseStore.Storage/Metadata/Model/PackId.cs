namespace NixFuseStore.Storage.Metadata;

/// <summary>The number of a pack within one database.</summary>
/// <param name="Value">The row number, from 1.</param>
public readonly record struct PackId(int Value)
{
    /// <inheritdoc/>
    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
