using System.Collections;
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
            //    left open: a daemon must not keep somebody's lock or pipe alive.
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

        var signal = status & 0x7F;
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal;
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

        [LibraryImport(Library, EntryPoint = "waitpid", SetLastError = true)]
        internal static partial int Wait(int process, int* status, int options);

        [LibraryImport(Library, EntryPoint = "pipe2", SetLastError = true)]
        internal static partial int Pipe(int* pair, int flags);
    }
}
