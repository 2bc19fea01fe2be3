namespace NixFuseStore.Storage.Metadata;

/// <summary>What kind of root keeps a path. The numbers are those of the protocol.</summary>
public enum RootKind
{
    /// <summary>Stays until it is removed.</summary>
    Permanent = 1,

    /// <summary>A symlink in the file system of a client.</summary>
    Indirect = 2,

    /// <summary>Belongs to a session.</summary>
    Temporary = 3,
}
