namespace NixFuseStore.Storage.Metadata;

/// <summary>Where a pack stands in its life.</summary>
public enum PackState
{
    /// <summary>Its owner may append to it while the lease lasts.</summary>
    Open = 1,

    /// <summary>It has its footer and never changes again.</summary>
    Sealed = 2,
}
