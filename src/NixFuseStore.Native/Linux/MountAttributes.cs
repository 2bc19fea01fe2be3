namespace NixFuseStore.Native.Linux;

/// <summary>Flags of mount(2).</summary>
[Flags]
public enum MountAttributes
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>MS_RDONLY.</summary>
    ReadOnly = 1,

    /// <summary>MS_NOSUID: set-user-id bits mean nothing.</summary>
    NoSetUserId = 2,

    /// <summary>MS_NODEV: device nodes cannot be opened.</summary>
    NoDevices = 4,

    /// <summary>MS_REMOUNT: change the flags of what is mounted.</summary>
    Remount = 32,

    /// <summary>MS_NOATIME: reading leaves no trace.</summary>
    NoAccessTime = 1024,
}
