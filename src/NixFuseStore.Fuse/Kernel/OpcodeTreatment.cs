namespace NixFuseStore.Fuse.Kernel;

/// <summary>What the session does with a kind of request.</summary>
internal enum OpcodeTreatment
{
    /// <summary>Goes to the file system.</summary>
    FileSystem,

    /// <summary>Answered by the session itself, or needs no answer.</summary>
    Session,

    /// <summary>ENOSYS. For most of these the kernel remembers it and never asks again.</summary>
    NotImplemented,

    /// <summary>EROFS: it would change the tree.</summary>
    ReadOnly,

    /// <summary>ENOTTY. The kernel does not remember it; the C library's isatty() asks for each file that Python opens.</summary>
    NotTerminal,

    /// <summary>Success: there is nothing to do.</summary>
    Nothing,
}
