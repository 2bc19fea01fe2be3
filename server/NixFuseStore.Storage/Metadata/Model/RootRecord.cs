using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>A root whose lease lasts.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Host">Whose it is.</param>
/// <param name="Link">Its name on that host; <c>{temp:SESSION}</c> for those of sessions.</param>
/// <param name="Target">What it keeps, valid or not.</param>
/// <param name="Created">Seconds since 1970; of a root that was set again for the same target, the first time.</param>
/// <param name="LeaseUntil">Seconds since 1970 by the database's clock; null where it has no lease.</param>
public sealed record RootRecord(RootKind Kind, string Host, string Link, StorePath Target, long Created, long? LeaseUntil);
