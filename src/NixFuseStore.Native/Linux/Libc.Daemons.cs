using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Linux;

/// <summary>What turns a program into a daemon, and keeps it small.</summary>
public static unsafe partial class Libc
{
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
        [LibraryImport(Library, EntryPoint = "setsid")]
        internal static partial int SetSession();

        [LibraryImport(Library, EntryPoint = "dup2", SetLastError = true)]
        internal static partial int Duplicate(int source, int target);

        [LibraryImport(Library, EntryPoint = "malloc_trim")]
        internal static partial int TrimHeap(nuint kept);
    }
}
