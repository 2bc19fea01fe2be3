using System.Diagnostics;
using System.Globalization;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Supervisor.Workers;

/// <summary>A process that serves the mount, and the channel to it. Used by the supervisor's one thread.</summary>
/// <param name="processId">Its id.</param>
/// <param name="handle">Its pidfd; owned.</param>
internal sealed class WorkerProcess(int processId, SafeFileHandle handle) : IDisposable
{
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly string _status = string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/stat");

    /// <summary>Its id.</summary>
    public int ProcessId => processId;

    /// <summary>Can be read once the process has ended with all its threads.</summary>
    public SafeFileHandle Handle => handle;

    /// <summary>
    /// Whether its first thread has ended: it was killed, and the others end soon, or hang in the kernel. Nothing tells of this: a pidfd can be
    /// read only when all of them have ended.
    /// </summary>
    public bool IsDying
    {
        get
        {
            try
            {
                // PID (COMMAND) STATE: the command may hold anything.
                var line = File.ReadAllText(_status);
                return line.LastIndexOf(')') is var end && end >= 0 && end + 2 < line.Length && line[end + 2] is 'Z' or 'X';
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return false;
            }
        }
    }

    /// <summary>Whether it has answered a request of the kernel.</summary>
    public bool HasServed { get; set; }

    /// <summary>What it has said of its end; null while it has not.</summary>
    public int? EndedWith { get; set; }

    /// <summary>When the ping was sent that it has not answered; null where it owes no answer.</summary>
    public long? Pinged { get; set; }

    /// <summary>When a ping was sent last.</summary>
    public long LastPing { get; set; } = Stopwatch.GetTimestamp();

    /// <summary>How long it has run.</summary>
    public TimeSpan Lifetime => Stopwatch.GetElapsedTime(_started);

    /// <summary>Ends it at once.</summary>
    public void Kill() => _ = Libc.Kill(handle);

    /// <summary>Whether it has ended with all its threads.</summary>
    public bool HasEnded(TimeSpan patience) => Libc.WaitReadable(patience, handle)[0];

    /// <summary>How it ended, in words; for one that has ended.</summary>
    public string DescribeEnd()
    {
        // Only the one that has started it learns how it ended.
        return Libc.Reap(processId) switch
        {
            null => "it ended",
            > 128 and var status => string.Create(CultureInfo.InvariantCulture, $"it was ended by signal {status - 128}"),
            { } status => string.Create(CultureInfo.InvariantCulture, $"it ended with status {status}"),
        };
    }

    /// <inheritdoc/>
    public void Dispose() => handle.Dispose();
}
