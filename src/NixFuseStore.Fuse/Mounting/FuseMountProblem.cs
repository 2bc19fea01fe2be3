namespace NixFuseStore.Fuse.Mounting;

/// <summary>Why a mount did not come about.</summary>
public enum FuseMountProblem
{
    /// <summary>Something else; the message has the system's words.</summary>
    Other,

    /// <summary>The mount point does not exist.</summary>
    Missing,

    /// <summary>The mount point is not a directory.</summary>
    NotDirectory,

    /// <summary>The mount point is a directory with something in it.</summary>
    NotEmpty,

    /// <summary>Something is mounted there already.</summary>
    Busy,

    /// <summary>What is mounted there has lost its server ("Transport endpoint is not connected").</summary>
    Stale,

    /// <summary>There is no /dev/fuse.</summary>
    NoDevice,

    /// <summary>The system does not allow it to this user.</summary>
    NotPermitted,

    /// <summary>An ordinary user needs fusermount3, and it is not there.</summary>
    NoHelper,
}
