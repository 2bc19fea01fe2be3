namespace NixFuseStore.Storage.Metadata;

/// <summary>A token as the database knows it.</summary>
/// <param name="Id">Its number, from 1; what <c>token revoke</c> names.</param>
/// <param name="Label">What the operator calls it.</param>
/// <param name="RightsEverywhere">What it may do in every store.</param>
/// <param name="RightsByStore">What it may do beyond that, by store.</param>
/// <param name="Created">Seconds since 1970.</param>
/// <param name="LastUsed">Seconds since 1970, coarse; null where it was never used.</param>
/// <param name="Revoked">Seconds since 1970; null while it is good.</param>
public sealed record TokenRecord(
    long Id,
    string Label,
    AccessRights RightsEverywhere,
    IReadOnlyDictionary<StoreId, AccessRights> RightsByStore,
    long Created,
    long? LastUsed,
    long? Revoked)
{
    /// <summary>Seconds since 1970 from which on it is not good any more; null for no end.</summary>
    public long? Expires { get; init; }

    /// <summary>Whether its time is over.</summary>
    public bool IsExpired(DateTimeOffset now) => Expires <= now.ToUnixTimeSeconds();

    /// <summary>What the token may do in a store; nothing once it is revoked.</summary>
    public AccessRights RightsIn(StoreId store) =>
        Revoked is not null ? AccessRights.None : RightsEverywhere | RightsByStore.GetValueOrDefault(store);
}
