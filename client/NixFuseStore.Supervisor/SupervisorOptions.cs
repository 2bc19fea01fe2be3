using System.Runtime.InteropServices;
using NixFuseStore.Native.Linux;
using NixFuseStore.Supervisor.Messages;

namespace NixFuseStore.Supervisor;

/// <summary>What a supervisor needs of the program that it is part of. All but <see cref="Log"/> are called by its own thread.</summary>
public sealed record SupervisorOptions
{
    /// <summary>Starts a worker.</summary>
    public required WorkerStarter StartWorker { get; init; }

    /// <summary>Starts a worker of another program, by its path.</summary>
    public required Func<string, WorkerStarter> StartOther { get; init; }

    /// <summary>Becomes the other program, as a supervisor that adopts what the channel brings. Does not come back: where it fails, this process ends, and the worker starts another.</summary>
    public required Action<string, SafeHandle> Become { get; init; }

    /// <summary>A line for the user who waits for the mount.</summary>
    public required Action<string> Note { get; init; }

    /// <summary>The mount is usable, or was adopted. Called once.</summary>
    public required Action<KeptMount> Ready { get; init; }

    /// <summary>There is no mount: the exit status, and why. Called once, in place of <see cref="Ready"/>.</summary>
    public required Action<int, string> Failed { get; init; }

    /// <summary>A line for the mount's log. Any thread.</summary>
    public required Action<string> Log { get; init; }
}

/// <summary>Starts a process that serves a mount.</summary>
/// <param name="channel">Its end of the channel: <see cref="Libc.InheritedDescriptor"/> there. Stays the caller's.</param>
/// <param name="process">Its id.</param>
/// <returns>What went wrong.</returns>
public delegate Errno WorkerStarter(SafeHandle channel, out int process);

/// <summary>Which process the kernel ends when memory runs out (proc(5), oom_score_adj).</summary>
internal static class OutOfMemoryScore
{
    /// <summary>Nearly never. Its worker can be ended: another one follows.</summary>
    public const int OfSupervisor = -900;

    private const string FileName = "/proc/self/oom_score_adj";

    /// <summary>That of this process; 0 where it cannot be read.</summary>
    public static int Read() => int.TryParse(ReadText(), System.Globalization.CultureInfo.InvariantCulture, out var score) ? score : 0;

    /// <summary>Sets it, where that is allowed: any process may raise its own, only a privileged one may lower it.</summary>
    public static void TryWrite(int score)
    {
        try
        {
            File.WriteAllText(FileName, score.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Then it is ended as likely as any other.
        }
    }

    private static string ReadText()
    {
        try
        {
            return File.ReadAllText(FileName);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
