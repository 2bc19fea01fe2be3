using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NixFuseStore.Native.Linux;

/// <summary>Processes by a descriptor, which never comes to mean another process as a number does; and memory that outlives one.</summary>
public static unsafe partial class Libc
{
    private const int KillSignal = 9; // SIGKILL

    /// <summary>pidfd_open(2): can be read once the process has ended with all its threads.</summary>
    public static Errno OpenProcess(int process, out SafeFileHandle? handle)
    {
        const int PidfdOpen = 434; // SYS_pidfd_open, the same on all architectures
        var descriptor = Raw.SystemCall(PidfdOpen, process, 0, 0, 0);
        handle = descriptor < 0 ? null : new SafeFileHandle((nint)descriptor, ownsHandle: true);
        return descriptor < 0 ? LastError : Errno.None;
    }

    /// <summary>The descriptor that a process which <see cref="Spawn"/> has started was given; from now on its own children do not get it.</summary>
    public static SafeFileHandle TakeInherited()
    {
        const int SetFlags = 2, CloseOnExec = 1; // F_SETFD, FD_CLOEXEC
        _ = Raw.Control(InheritedDescriptor, SetFlags, CloseOnExec);
        return new SafeFileHandle(InheritedDescriptor, ownsHandle: true);
    }

    /// <summary>Sends SIGKILL to the process of <see cref="OpenProcess"/>; ESRCH where it has ended.</summary>
    public static Errno Kill(SafeHandle process)
    {
        const int PidfdSendSignal = 424; // SYS_pidfd_send_signal
        using var use = new HandleUse(process);
        return Raw.SystemCall(PidfdSendSignal, use.Descriptor, KillSignal, 0, 0) < 0 ? LastError : Errno.None;
    }

    /// <summary>Takes note of the end of a child, so that nothing of it stays in the table of processes.</summary>
    /// <returns>Its exit status, 128 and more when a signal ended it; null where it is no child, or still runs.</returns>
    public static int? Reap(int process)
    {
        const int NoHang = 1; // WNOHANG
        int status;
        return Raw.Wait(process, &status, NoHang) == process ? ExitStatus(status) : null;
    }

    /// <summary>memfd_create(2): a file in memory without a name, for as long as a process has it open.</summary>
    /// <param name="name">Shown in /proc only.</param>
    /// <exception cref="LinuxException">There is no room for descriptors.</exception>
    public static SafeFileHandle CreateMemoryFile(string name)
    {
        const uint CloseOnExec = 1; // MFD_CLOEXEC
        var descriptor = Raw.CreateMemoryFile(name, CloseOnExec);
        return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw new LinuxException("memfd_create", LastError);
    }

    /// <summary>Gives the pages of a part of a file back; it reads as zeros. A file system that cannot do that is left as it is.</summary>
    public static void PunchHole(SafeHandle file, long offset, long bytes)
    {
        const int PunchHoleKeepSize = 3; // FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
        using var use = new HandleUse(file);
        _ = Raw.Allocate(use.Descriptor, PunchHoleKeepSize, offset, bytes);
    }

    /// <summary>Has memory resident for good, where the limit for that allows it.</summary>
    public static void LockMemory(void* start, nuint bytes) => _ = Raw.LockMemory(start, bytes);

    private static partial class Raw
    {
        [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
        internal static partial long SystemCall(long number, long first, long second, long third, long fourth);

        [LibraryImport(Library, EntryPoint = "fcntl", SetLastError = true)]
        internal static partial int Control(int descriptor, int command, int argument);

        [LibraryImport(Library, EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int CreateMemoryFile(string name, uint flags);

        [LibraryImport(Library, EntryPoint = "fallocate", SetLastError = true)]
        internal static partial int Allocate(int descriptor, int mode, long offset, long bytes);

        [LibraryImport(Library, EntryPoint = "mlock", SetLastError = true)]
        internal static partial int LockMemory(void* start, nuint bytes);
    }
}
