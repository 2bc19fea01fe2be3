namespace NixFuseStore.Content;

/// <summary>What a tree entry is. The values are those of manifests and of the protocol.</summary>
public enum EntryKind
{
    /// <summary>No entry.</summary>
    None = 0,

    /// <summary>A regular file.</summary>
    Regular = 1,

    /// <summary>A directory.</summary>
    Directory = 2,

    /// <summary>A symbolic link.</summary>
    Symlink = 3,
}
