namespace NixFuseStore.Storage.Metadata;

/// <summary>What an event tells. The numbers are those of the protocol.</summary>
public enum StoreEventKind
{
    /// <summary>The path became valid.</summary>
    Registered = 1,

    /// <summary>The path was removed.</summary>
    Removed = 2,

    /// <summary>The path, valid before and after, got further signatures.</summary>
    SignaturesAdded = 3,
}
