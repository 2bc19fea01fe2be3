using System.Collections;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NixFuseStore.Native.Linux;

/// <summary>Starting a program with a descriptor handed to it, which System.Diagnostics.Process cannot do.</summary>
public static unsafe partial class Libc
{
    /// <summary>The number under which a program started by <see cref="Spawn"/> finds the descriptor it was given.</summary>
    public const int InheritedDescriptor = 3;

    // posix_spawn_file_actions_t is opaque; glibc's has 80 bytes.
    private const int FileActionsBytes = 256;

    private static readonly TimeSpan ExitLookPause = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(3);

    /// <summary>Starts a program from PATH.</summary>
    /// <param name="program">Its name, which becomes the first argument too.</param>
    /// <param name="arguments">The other arguments.</param>
    /// <param name="variable">An environment variable to set besides those of this process.</param>
    /// <param name="inherited">Becomes <see cref="InheritedDescriptor"/> there; null for none.</param>
    /// <param name="errors">Becomes standard error there, and standard output too.</param>
    /// <param name="process">Its id, to be waited for.</param>
    /// <returns>ENOENT when there is no such program.</returns>
    public static Errno Spawn(
        string program,
        ReadOnlySpan<string> arguments,
        (string Name, string Value)? variable,
        SafeHandle? inherited,
        SafeHandle errors,
        out int process)
    {
        using var errorsUse = new HandleUse(errors);
        var actions = stackalloc byte[FileActionsBytes];
        ThrowIfFailed("posix_spawn_file_actions_init", Raw.InitFileActions(actions));
        var inheritedAdded = false;
        var strings = new List<nint>();
        try
        {
            // 1. Descriptors. The copies are not close-on-exec; nothing else is inherited, neither ours nor what our own parent
            //    left open: a daemon must not keep another program's lock or pipe alive.
            ThrowIfFailed("dup2", Raw.AddDuplicate(actions, errorsUse.Descriptor, 1));
            ThrowIfFailed("dup2", Raw.AddDuplicate(actions, errorsUse.Descriptor, 2));
            if (inherited is not null)
            {
                inherited.DangerousAddRef(ref inheritedAdded);
                ThrowIfFailed("dup2", Raw.AddDuplicate(actions, (int)inherited.DangerousGetHandle(), InheritedDescriptor));
            }

            CloseFrom(actions, inherited is null ? InheritedDescriptor : InheritedDescriptor + 1);

            // 2. Arguments and environment, as zero-terminated arrays.
            var argumentVector = Vector([program, .. arguments], strings);
            var environmentVector = Vector(DescribeEnvironment(variable), strings);

            // 3. Start.
            int id;
            fixed (nint* argumentStart = argumentVector, environmentStart = environmentVector)
            {
                var error = (Errno)Raw.Spawn(&id, argumentStart[0], actions, null, argumentStart, environmentStart);
                process = error == Errno.None ? id : 0;
                return error;
            }
        }
        finally
        {
            strings.ForEach(Marshal.FreeCoTaskMem);
            if (inheritedAdded)
            {
                inherited!.DangerousRelease();
            }

            _ = Raw.DestroyFileActions(actions); // cannot fail on glibc
        }
    }

    /// <summary>Becomes another program, which keeps this process's id and standard streams. Comes back only where that fails.</summary>
    /// <param name="program">Its path.</param>
    /// <param name="arguments">The arguments behind its name.</param>
    /// <param name="inherited">Becomes <see cref="InheritedDescriptor"/> there; all else is closed, as far as it is close-on-exec.</param>
    /// <returns>What went wrong.</returns>
    public static Errno Execute(string program, ReadOnlySpan<string> arguments, SafeHandle inherited)
    {
        using var use = new HandleUse(inherited);
        var strings = new List<nint>();
        try
        {
            var argumentVector = Vector([program, .. arguments], strings);
            var environmentVector = Vector(DescribeEnvironment(null), strings);
            if (use.Descriptor != InheritedDescriptor && Raw.Duplicate(use.Descriptor, InheritedDescriptor, 0) < 0)
            {
                return LastError;
            }

            _ = Raw.Control(InheritedDescriptor, 2, 0); // F_SETFD: not close-on-exec
            fixed (nint* argumentStart = argumentVector, environmentStart = environmentVector)
            {
                _ = Raw.Execute(argumentStart[0], argumentStart, environmentStart);
                return LastError;
            }
        }
        finally
        {
            strings.ForEach(Marshal.FreeCoTaskMem);
        }
    }

    /// <summary>Waits for a program started by <see cref="Spawn"/>.</summary>
    /// <returns>Its exit status; 128 and more when a signal ended it.</returns>
    public static int WaitForExit(int process)
    {
        int status;
        while (Raw.Wait(process, &status, 0) < 0)
        {
            if (LastError != Errno.EINTR)
            {
                throw new LinuxException($"wait for process {process}", LastError);
            }
        }

        return ExitStatus(status);
    }

    /// <summary>Waits for a program started by <see cref="Spawn"/>, but no longer than a time; it is looked at every few milliseconds.</summary>
    /// <returns>Its exit status as <see cref="WaitForExit(int)"/> has it; null where it still runs.</returns>
    public static int? WaitForExit(int process, TimeSpan timeout)
    {
        const int NoHang = 1; // WNOHANG
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            int status;
            var ended = Raw.Wait(process, &status, NoHang);
            if (ended == process)
            {
                return ExitStatus(status);
            }

            if (ended < 0 && LastError != Errno.EINTR)
            {
                throw new LinuxException($"wait for process {process}", LastError);
            }

            if (Stopwatch.GetElapsedTime(started) >= timeout)
            {
                return null;
            }

            Thread.Sleep(ExitLookPause);
        }
    }

    /// <summary>Ends a program started by <see cref="Spawn"/>: asks it to, and kills it where it has not ended soon.</summary>
    public static void EndProcess(int process)
    {
        const int Terminate = 15, Kill = 9; // SIGTERM, SIGKILL
        _ = Raw.Kill(process, Terminate);
        if (WaitForExit(process, EndPatience) is null)
        {
            _ = Raw.Kill(process, Kill);

            // One that the kernel holds in a call cannot be ended; it is init's once this process has gone.
            WaitForExit(process, EndPatience);
        }
    }

    /// <summary>Reads what comes within a time.</summary>
    /// <returns>ETIMEDOUT where nothing came; no bytes at the end.</returns>
    public static Errno ReadWithin(SafeHandle file, Span<byte> buffer, TimeSpan timeout, out int bytes)
    {
        bytes = 0;
        using var use = new HandleUse(file);
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            // 1. Wait.
            var left = timeout - Stopwatch.GetElapsedTime(started);
            var entry = new PollEntry { Descriptor = use.Descriptor, Events = PollReadable };
            var ready = Raw.Poll(&entry, 1, (int)Math.Clamp(Math.Ceiling(left.TotalMilliseconds), 0, int.MaxValue));
            if (ready == 0)
            {
                return Errno.ETIMEDOUT;
            }

            // 2. Read what is there.
            if (ready > 0)
            {
                fixed (byte* start = buffer)
                {
                    var result = Raw.Read(use.Descriptor, start, (nuint)buffer.Length);
                    if (result >= 0)
                    {
                        bytes = (int)result;
                        return Errno.None;
                    }
                }
            }

            if (LastError is not (Errno.EINTR or Errno.EAGAIN))
            {
                return LastError;
            }
        }
    }

    /// <summary>A pipe.</summary>
    /// <exception cref="LinuxException">There is no room for descriptors.</exception>
    public static (SafeFileHandle Reader, SafeFileHandle Writer) CreatePipe()
    {
        var pair = stackalloc int[2];
        if (Raw.Pipe(pair, OpenCloseOnExec) != 0)
        {
            throw new LinuxException("pipe2", LastError);
        }

        return (new SafeFileHandle(pair[0], ownsHandle: true), new SafeFileHandle(pair[1], ownsHandle: true));
    }

    private static int ExitStatus(int status)
    {
        var signal = status & 0x7F;
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal;
    }

    private static void CloseFrom(byte* actions, int first)
    {
        try
        {
            ThrowIfFailed("closefrom", Raw.AddCloseFrom(actions, first));
        }
        catch (EntryPointNotFoundException)
        {
            // glibc before 2.34: then what our parent left open is inherited.
        }
    }

    private static IEnumerable<string> DescribeEnvironment((string Name, string Value)? variable)
    {
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            if (!Equals(entry.Key, variable?.Name))
            {
                yield return $"{entry.Key}={entry.Value}";
            }
        }

        if (variable is { } extra)
        {
            yield return $"{extra.Name}={extra.Value}";
        }
    }

    private static nint[] Vector(IEnumerable<string> values, List<nint> owned)
    {
        var first = owned.Count;
        foreach (var value in values)
        {
            owned.Add(Marshal.StringToCoTaskMemUTF8(value));
        }

        return [.. owned.Skip(first), 0];
    }

    private static void ThrowIfFailed(string operation, int error)
    {
        if (error != 0)
        {
            throw new LinuxException(operation, (Errno)error);
        }
    }

    private static partial class Raw
    {
        [LibraryImport(Library, EntryPoint = "posix_spawn_file_actions_init")]
        internal static partial int InitFileActions(byte* actions);

        [LibraryImport(Library, EntryPoint = "posix_spawn_file_actions_destroy")]
        internal static partial int DestroyFileActions(byte* actions);

        [LibraryImport(Library, EntryPoint = "posix_spawn_file_actions_addclosefrom_np")]
        internal static partial int AddCloseFrom(byte* actions, int first);

        [LibraryImport(Library, EntryPoint = "posix_spawn_file_actions_adddup2")]
        internal static partial int AddDuplicate(byte* actions, int descriptor, int target);

        [LibraryImport(Library, EntryPoint = "posix_spawnp")]
        internal static partial int Spawn(int* process, nint program, byte* actions, byte* attributes, nint* arguments, nint* environment);

        [LibraryImport(Library, EntryPoint = "execve", SetLastError = true)]
        internal static partial int Execute(nint program, nint* arguments, nint* environment);

        [LibraryImport(Library, EntryPoint = "waitpid", SetLastError = true)]
        internal static partial int Wait(int process, int* status, int options);

        [LibraryImport(Library, EntryPoint = "kill", SetLastError = true)]
        internal static partial int Kill(int process, int signal);

        [LibraryImport(Library, EntryPoint = "pipe2", SetLastError = true)]
        internal static partial int Pipe(int* pair, int flags);
    }
}
