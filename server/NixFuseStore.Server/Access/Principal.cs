using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Access;

/// <summary>Who calls, and what they may do. Immutable; good for one call, or for a moment of a long one.</summary>
internal sealed class Principal
{
    private readonly AccessRights _rightsEverywhere;
    private readonly IReadOnlyDictionary<StoreId, AccessRights> _rightsByStore;

    private Principal(string name, AccessRights rightsEverywhere, IReadOnlyDictionary<StoreId, AccessRights> rightsByStore)
    {
        Name = name;
        _rightsEverywhere = rightsEverywhere;
        _rightsByStore = rightsByStore;
    }

    /// <summary>A process of root or of the server's own user on this host, while no token was made yet: may do everything.</summary>
    public static Principal Loopback { get; } = new(
        "loopback", AccessRights.Read | AccessRights.Write | AccessRights.Build | AccessRights.Administer, new Dictionary<StoreId, AccessRights>());

    /// <summary>The server itself, where it brings paths into one store and knows of no other.</summary>
    public static Principal ImporterOf(StoreId store) =>
        new("upstream", AccessRights.None, new Dictionary<StoreId, AccessRights> { [store] = AccessRights.Read | AccessRights.Write });

    /// <summary>How log lines call it.</summary>
    public string Name { get; }

    /// <summary>Whether it may read every store; only such a principal is told that a store does not exist.</summary>
    public bool ReadsEverywhere => _rightsEverywhere.HasFlag(AccessRights.Read);

    /// <summary>The stores whose chunks it may know of.</summary>
    public ChunkScope ReadableChunks => ReadsEverywhere
        ? ChunkScope.All
        : ChunkScope.Of([.. _rightsByStore.Where(pair => pair.Value.HasFlag(AccessRights.Read)).Select(pair => pair.Key)]);

    public static Principal Of(TokenRecord token) => new($"token {token.Id}", token.RightsEverywhere, token.RightsByStore);

    public AccessRights RightsIn(StoreId store) => _rightsEverywhere | _rightsByStore.GetValueOrDefault(store);
}
