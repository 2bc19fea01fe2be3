namespace NixFuseStore.Client.Catalog;

/// <summary>What a store knows of some paths.</summary>
/// <param name="Paths">Those that are valid: the asked-for ones first, in their order, then the rest of their closure.</param>
/// <param name="NotValid">Asked-for base names that are not.</param>
public sealed record CatalogAnswer(IReadOnlyList<CatalogPath> Paths, IReadOnlyList<string> NotValid);
