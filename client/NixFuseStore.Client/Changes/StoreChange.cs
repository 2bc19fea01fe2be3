namespace NixFuseStore.Client.Changes;

/// <summary>A change of the store.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="BaseName">The path's base name; empty for <see cref="StoreChangeKind.Resync"/>.</param>
public readonly record struct StoreChange(StoreChangeKind Kind, string BaseName);
