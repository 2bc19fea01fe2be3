using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>A path became valid or ceased to be.</summary>
/// <param name="Number">Ascending by one within a store, in the order of commits.</param>
/// <param name="Kind">What happened.</param>
/// <param name="Path">To which path.</param>
public readonly record struct StoreEvent(ulong Number, StoreEventKind Kind, StorePath Path);
