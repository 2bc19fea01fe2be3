namespace NixFuseStore.Daemon.Logging;

/// <summary>Numbers of the messages of the log channel.</summary>
internal enum LogMessage : ulong
{
    /// <summary>STDERR_NEXT: a line.</summary>
    Next = 0x6f6c6d67,

    /// <summary>STDERR_READ: the client shall send data.</summary>
    Read = 0x64617461,

    /// <summary>STDERR_WRITE: data for the client.</summary>
    Write = 0x64617416,

    /// <summary>STDERR_LAST: the reply follows.</summary>
    Last = 0x616c7473,

    /// <summary>STDERR_ERROR: there is no reply.</summary>
    Error = 0x63787470,

    /// <summary>STDERR_START_ACTIVITY.</summary>
    StartActivity = 0x53545254,

    /// <summary>STDERR_STOP_ACTIVITY.</summary>
    StopActivity = 0x53544f50,

    /// <summary>STDERR_RESULT: something within an activity.</summary>
    Result = 0x52534c54,
}
