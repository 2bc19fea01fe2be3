namespace NixFuseStore.Fuse.Channels;

/// <summary>What waiting for a request came to.</summary>
public enum FuseReadOutcome
{
    /// <summary>There is one.</summary>
    Request,

    /// <summary>The file system was unmounted.</summary>
    Unmounted,

    /// <summary>The connection was aborted (through fusectl, or by the kernel).</summary>
    Aborted,

    /// <summary><see cref="IFuseChannel.StopReaders"/> was called.</summary>
    Stopped,
}
