namespace NixFuseStore.Client.Paths;

/// <summary>One page of the paths of a store.</summary>
/// <param name="Entries">In bytewise order of base names.</param>
/// <param name="IsLast">True where nothing follows.</param>
public sealed record ListingPage(IReadOnlyList<ListingEntry> Entries, bool IsLast);
