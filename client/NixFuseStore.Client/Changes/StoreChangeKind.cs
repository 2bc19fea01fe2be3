namespace NixFuseStore.Client.Changes;

/// <summary>What happened to a path, or to our knowledge.</summary>
public enum StoreChangeKind
{
    /// <summary>The path became valid.</summary>
    Added,

    /// <summary>The path is no longer valid.</summary>
    Removed,

    /// <summary>Changes were missed: whatever was listed, found or not found before may have changed.</summary>
    Resync,
}
