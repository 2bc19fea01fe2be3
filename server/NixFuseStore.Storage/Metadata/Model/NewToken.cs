namespace NixFuseStore.Storage.Metadata;

/// <summary>A token to be stored. The token itself is shown once to its owner and never stored.</summary>
/// <param name="Hash">SHA-256 of the token, 32 bytes.</param>
/// <param name="Label">What the operator calls it; need not be unique.</param>
/// <param name="RightsEverywhere">What it may do in every store, also in those created later.</param>
/// <param name="RightsByStore">What it may do beyond that, by store.</param>
public sealed record NewToken(
    byte[] Hash, string Label, AccessRights RightsEverywhere, IReadOnlyDictionary<StoreId, AccessRights> RightsByStore)
{
    /// <summary>Seconds since 1970 from which on it is not good any more; null for no end.</summary>
    public long? Expires { get; init; }
}
