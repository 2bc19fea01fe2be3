namespace NixFuseStore.Fuse.Sessions;

/// <summary>How a session works.</summary>
public sealed record FuseSessionOptions
{
    /// <summary>Threads that read requests. One is as fast as three for a single client; the second is there so that no request ever stands behind another's answer.</summary>
    public int DispatchThreads { get; init; } = 2;

    /// <summary>Read-ahead that INIT grants, in bytes; the kernel offers 128 KiB and INIT can only lower it (raise it through <see cref="Mounting.FuseMount.SetReadAhead"/>).</summary>
    public uint ReadAheadBytesMax { get; init; } = 1 << 20;

    /// <summary>Read-ahead requests that the kernel may have under way.</summary>
    public ushort BackgroundRequestsMax { get; init; } = 64;

    /// <summary>Read-ahead requests from which on the kernel thinks the mount congested.</summary>
    public ushort CongestionThreshold { get; init; } = 48;

    /// <summary>
    /// Set to go on serving a mount that another process negotiated: the kernel sends INIT only once. That process must have ended or stopped
    /// reading; what it has left unanswered is sent again.
    /// </summary>
    public FuseConnection? Resume { get; init; }

    /// <summary>Told about exceptions that no file system should throw; the request was answered EIO already. Called from any thread; must not throw.</summary>
    public Action<string, Exception>? OnUnexpected { get; init; }

    /// <summary>Called when the kernel has taken the first answer, from any thread; must neither wait nor throw.</summary>
    public Action? OnFirstAnswer { get; init; }

    /// <summary>
    /// Whether the thread of this id, as in <see cref="Requests.FuseCaller.ProcessId"/>, is about to die: only then an interrupt ends its
    /// request. Must not block.
    /// </summary>
    public Func<uint, bool> IsEnding { get; init; } = Requests.CallerThread.IsEnding;

    /// <summary>Is given a line for every request and every reply; null for no trace. Called from any thread; must neither wait nor throw.</summary>
    public Action<string>? Trace { get; init; }

    /// <summary>The clock that deadlines go by.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
