using System.Diagnostics;
using System.Globalization;

namespace NixFuseStore.Testing.Faults;

/// <summary>Which calls of one kind are hit, counted for each thread by itself, from when the fault is put in.</summary>
/// <param name="First">The first call that is hit; 1 is the next one.</param>
/// <param name="Last">The last one; null for every one from <paramref name="First"/> on.</param>
public readonly record struct CallRange(int First, int? Last)
{
    public static CallRange Every => new(1, null);

    public static CallRange Only(int call) => new(call, call);

    // strace: "FIRST..LAST", "FIRST+" for all from the first on.
    public override string ToString() => Last is { } last
        ? string.Create(CultureInfo.InvariantCulture, $"{First}..{last}")
        : string.Create(CultureInfo.InvariantCulture, $"{First}+");
}

/// <summary>An error or a delay in the system calls of a real process, put in by strace.</summary>
/// <remarks>
/// A call that gets an error is not made at all. A path limits a fault to calls that name it or that use a descriptor of it.
/// The names of calls are strace's: "openat", "pread64,preadv", "fsync,fdatasync", "accept,accept4", "%file".
/// </remarks>
public sealed record SystemCallFault(string Calls, CallRange When)
{
    /// <summary>The errno that the call ends with, such as "EIO"; null for none.</summary>
    public string? Error { get; init; }

    /// <summary>How long the call hangs before it is made, as on a disk that does not answer.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Only calls on this file or folder; null for all.</summary>
    public string? Path { get; init; }

    public static SystemCallFault Fails(string calls, string error, CallRange when, string? path = null) => new(calls, when) { Error = error, Path = path };

    public static SystemCallFault Hangs(string calls, TimeSpan delay, string? path = null) => new(calls, CallRange.Every) { Delay = delay, Path = path };

    internal IEnumerable<string> Arguments()
    {
        var inject = $"inject={Calls}";
        if (Error is not null)
        {
            inject += $":error={Error}";
        }

        if (Delay > TimeSpan.Zero)
        {
            inject += string.Create(CultureInfo.InvariantCulture, $":delay_enter={(long)Delay.TotalMicroseconds}us");
        }

        yield return "-e";
        yield return $"trace={Calls}";
        yield return "-e";
        yield return $"{inject}:when={When}";
        if (Path is not null)
        {
            yield return "-P";
            yield return Path;
        }
    }
}

/// <summary>Runs a program under a fault, or puts a fault into a process that runs; disposing ends the fault, not the process.</summary>
/// <remarks>One fault at a time: a process has one tracer. Needs strace, and root for processes of others.</remarks>
public sealed class SystemCallFaults : IDisposable
{
    private static readonly TimeSpan AttachDeadline = TimeSpan.FromSeconds(60);
    private readonly Process _tracer;

    private SystemCallFaults(Process tracer) => _tracer = tracer;

    /// <summary>Why faults cannot be put in here; null where they can.</summary>
    public static string? WhyMissing => File.Exists("/usr/bin/strace") ? null : "strace is not installed";

    /// <summary>The command line that runs a program, with its arguments, under a fault from its first call on.</summary>
    public static IReadOnlyList<string> CommandLine(SystemCallFault fault, params string[] command) =>
        ["strace", "-f", "-qqq", "-o", "/dev/null", .. fault.Arguments(), "--", .. command];

    /// <summary>Puts a fault into a running process and all its threads.</summary>
    /// <exception cref="InvalidOperationException">strace could not attach.</exception>
    public static SystemCallFaults Attach(int processId, SystemCallFault fault)
    {
        var id = processId.ToString(CultureInfo.InvariantCulture);
        // Without -qqq strace says on standard error to what it has attached: a line for each thread.
        var tracer = Process.Start(new ProcessStartInfo("strace", ["-f", "-o", "/dev/null", .. fault.Arguments(), "-p", id]) { RedirectStandardError = true })!;
        var line = tracer.StandardError.ReadLineAsync();
        if (!line.Wait(AttachDeadline) || line.Result?.Contains("attached", StringComparison.Ordinal) != true)
        {
            tracer.Kill();
            throw new InvalidOperationException($"strace did not attach to process {id}: {(line.IsCompleted ? line.Result : "no answer")}");
        }

        _ = tracer.StandardError.ReadToEndAsync();
        return new SystemCallFaults(tracer);
    }

    public void Dispose()
    {
        // SIGTERM lets strace detach, so that the process goes on; SIGKILL would leave its threads stopped.
        using (var kill = Process.Start("kill", ["-TERM", _tracer.Id.ToString(CultureInfo.InvariantCulture)]))
        {
            kill.WaitForExit();
        }

        _tracer.WaitForExit(AttachDeadline);
        _tracer.Dispose();
    }
}
