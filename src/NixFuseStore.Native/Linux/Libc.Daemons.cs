using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NixFuseStore.Native.Linux;

/// <summary>What turns a program into a daemon, and keeps it small.</summary>
public static unsafe partial class Libc
{
    private const int OpenWriteOnly = 1; // O_WRONLY
    private const int OpenCreate = 0x40; // O_CREAT
    private const int OpenAppend = 0x400; // O_APPEND
    private const int OwnerReadsAndWrites = 0x180; // 0600

    /// <summary>Makes this process the leader of a session without a terminal, so that it outlives whoever started it. Does nothing for a leader.</summary>
    public static void StartSession() => _ = Raw.SetSession();

    /// <summary>Points standard input at nothing, and standard output and error at an open file.</summary>
    /// <exception cref="LinuxException">A descriptor could not be replaced.</exception>
    public static void RedirectStandardStreams(SafeHandle log)
    {
        ArgumentNullException.ThrowIfNull(log);
        using var nothing = File.OpenHandle("/dev/null");
        Replace(nothing, 0);
        Replace(log, 1);
        Replace(log, 2);
    }

    /// <summary>Opens a file, made when missing and readable by its owner alone, so that whatever is written goes to its end.</summary>
    /// <exception cref="LinuxException">It cannot be opened.</exception>
    public static SafeFileHandle OpenForAppending(string path)
    {
        // FileMode.Append is .NET's own affair: the descriptor would begin at 0.
        var descriptor = Raw.OpenNew(path, OpenWriteOnly | OpenCreate | OpenAppend | OpenCloseOnExec, OwnerReadsAndWrites);
        return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw new LinuxException($"open {path}", LastError);
    }

    /// <summary>Gives free memory of the C library's heap back to the system.</summary>
    public static void TrimHeap() => _ = Raw.TrimHeap(0);

    /// <summary>Who is at the other end of a connected unix socket, from what SO_PEERCRED returned (pid, uid, gid).</summary>
    public static uint PeerUserId(ReadOnlySpan<byte> credentials) => MemoryMarshal.Read<uint>(credentials[sizeof(int)..]);

    private static void Replace(SafeHandle source, int descriptor)
    {
        using var use = new HandleUse(source);
        if (Raw.Duplicate(use.Descriptor, descriptor) < 0)
        {
            throw new LinuxException("dup2", LastError);
        }
    }

    private static partial class Raw
    {
        [LibraryImport(Library, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int OpenNew(string path, int flags, int mode);

        [LibraryImport(Library, EntryPoint = "setsid")]
        internal static partial int SetSession();

        [LibraryImport(Library, EntryPoint = "dup2", SetLastError = true)]
        internal static partial int Duplicate(int source, int target);

        [LibraryImport(Library, EntryPoint = "malloc_trim")]
        internal static partial int TrimHeap(nuint kept);
    }
}
