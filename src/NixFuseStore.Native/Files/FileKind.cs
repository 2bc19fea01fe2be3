namespace NixFuseStore.Native.Files;

/// <summary>What a directory entry is.</summary>
public enum FileKind
{
    /// <summary>The file system did not say.</summary>
    Unknown,

    /// <summary>A regular file.</summary>
    Regular,

    /// <summary>A directory.</summary>
    Directory,

    /// <summary>A symbolic link.</summary>
    Symlink,

    /// <summary>A socket, pipe or device.</summary>
    Special,
}
