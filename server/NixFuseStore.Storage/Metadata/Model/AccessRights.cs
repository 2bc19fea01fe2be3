namespace NixFuseStore.Storage.Metadata;

/// <summary>What a token may do in a store.</summary>
[Flags]
public enum AccessRights
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Query and read paths.</summary>
    Read = 1,

    /// <summary>Upload chunks and register paths.</summary>
    Write = 2,

    /// <summary>Revoke paths.</summary>
    Administer = 4,

    /// <summary>Build what other hosts want.</summary>
    Build = 8,
}
