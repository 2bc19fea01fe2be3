namespace NixFuseStore.Fuse.Sessions;

/// <summary>Why a session ended.</summary>
public enum FuseSessionEnd
{
    /// <summary>The file system was unmounted.</summary>
    Unmounted,

    /// <summary>The connection was aborted.</summary>
    Aborted,

    /// <summary><see cref="FuseSession.StopAsync"/> was called; the mount may still be there.</summary>
    Stopped,
}
