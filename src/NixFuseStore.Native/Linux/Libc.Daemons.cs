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

    /// <summary>Makes this process the leader of a session without a terminal, so that it outlives the process that started it. Does nothing for a leader.</summary>
    public static void StartSession() => _ = Raw.SetSession();

    /// <summary>Points standard input at nothing, and standard output and error at an open file; copies of them that the runtime made as well.</summary>
    /// <remarks>
    /// Console's streams write to copies of the descriptors. One that stayed would keep a caller waiting that reads our output to its end.
    /// </remarks>
    /// <exception cref="LinuxException">A descriptor could not be replaced.</exception>
    public static void RedirectStandardStreams(SafeHandle log)
    {
        ArgumentNullException.ThrowIfNull(log);
        var copies = CopiesOf(TargetOf("/proc/self/fd/1"), TargetOf("/proc/self/fd/2"));
        using var nothing = File.OpenHandle("/dev/null");
        Replace(nothing, 0, flags: 0);
        Replace(log, 1, flags: 0);
        Replace(log, 2, flags: 0);
        foreach (var copy in copies)
        {
            Replace(log, copy, OpenCloseOnExec);
        }
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

    private static List<int> CopiesOf(params ReadOnlySpan<string?> targets)
    {
        List<int> copies = [];
        foreach (var entry in Directory.GetFiles("/proc/self/fd"))
        {
            // A file or terminal may be open for other reasons; a pipe or socket of that number is this one and no other.
            if (int.TryParse(Path.GetFileName(entry.AsSpan()), out var descriptor) && descriptor > 2
                && TargetOf(entry) is { } target && !target.StartsWith('/') && targets.Contains(target))
            {
                copies.Add(descriptor);
            }
        }

        return copies;
    }

    // Null for a descriptor that was closed meanwhile.
    private static string? TargetOf(string link) => new FileInfo(link).LinkTarget;

    private static void Replace(SafeHandle source, int descriptor, int flags)
    {
        using var use = new HandleUse(source);
        if (Raw.Duplicate(use.Descriptor, descriptor, flags) < 0)
        {
            throw new LinuxException("dup3", LastError);
        }
    }

    private static partial class Raw
    {
        [LibraryImport(Library, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int OpenNew(string path, int flags, int mode);

        [LibraryImport(Library, EntryPoint = "setsid")]
        internal static partial int SetSession();

        [LibraryImport(Library, EntryPoint = "dup3", SetLastError = true)]
        internal static partial int Duplicate(int source, int target, int flags);

        [LibraryImport(Library, EntryPoint = "malloc_trim")]
        internal static partial int TrimHeap(nuint kept);
    }
}
