namespace NixFuseStore.Client.Metadata;

/// <summary>Names an entry of the <see cref="MetadataCache"/>.</summary>
internal readonly record struct MetadataKey(MetadataKind Kind, Key256 Name)
{
    public override int GetHashCode() => Name.GetHashCode() ^ (int)Kind;
}
