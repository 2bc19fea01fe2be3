using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>A root to be set.</summary>
/// <param name="Kind">Permanent or indirect.</param>
/// <param name="Link">Its name on its host: a path mostly.</param>
/// <param name="Target">What it keeps.</param>
/// <param name="Lease">How long it lasts unless it is set again; null for ever.</param>
public sealed record NewRoot(RootKind Kind, string Link, StorePath Target, TimeSpan? Lease = null);
