using NixFuseStore.Client.Trees;



namespace NixFuseStore.Client.Catalog;

/// <summary>A valid path as the server knows it.</summary>
/// <param name="Handle">The record, verified.</param>
/// <param name="StoreSignatures">The store's own signatures as they came, <c>name:base64</c>; at least one of them holds.</param>
public sealed record CatalogPath(PathHandle Handle, IReadOnlyList<string> StoreSignatures);
