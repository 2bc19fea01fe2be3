using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NixFuseStore.Native.Linux;

/// <summary>
/// System calls that .NET has no API for, in C# clothes: failures come back as <see cref="Errno"/> where callers decide by
/// them, and as <see cref="LinuxException"/> elsewhere. Split by subject. Every descriptor is opened close-on-exec.
/// </summary>
public static unsafe partial class Libc
{
    private const int OpenReadWrite = 2; // O_RDWR
    private const int OpenCloseOnExec = 0x80000; // O_CLOEXEC

    /// <summary>Opens a device for reading and writing, without the checks and locks that .NET's own file handles come with.</summary>
    public static Errno OpenDevice(string path, out SafeFileHandle? device)
    {
        var descriptor = Raw.Open(path, OpenReadWrite | OpenCloseOnExec);
        if (descriptor < 0)
        {
            device = null;
            return LastError;
        }

        device = new SafeFileHandle(descriptor, ownsHandle: true);
        return Errno.None;
    }

    /// <summary>One read(2). The caller keeps the descriptor open; the buffer is unmanaged or pinned.</summary>
    public static Errno Read(int descriptor, byte* buffer, nuint bytesMax, out nuint bytes)
    {
        var result = Raw.Read(descriptor, buffer, bytesMax);
        bytes = result < 0 ? 0 : (nuint)result;
        return result < 0 ? LastError : Errno.None;
    }

    /// <summary>Reads from an offset as much as the kernel has in memory, without waiting for the disk.</summary>
    /// <returns>Bytes read; 0 where none are in memory, at the end of the file, and where the file system cannot do this.</returns>
    public static int ReadCached(SafeFileHandle file, Span<byte> destination, long offset)
    {
        const int NoWait = 8; // RWF_NOWAIT
        fixed (byte* start = destination)
        {
            var vector = new IoVector(start, (nuint)destination.Length);
            return (int)Math.Max(0, Raw.ReadVector(file, &vector, 1, offset, NoWait));
        }
    }

    /// <summary>One writev(2). The caller keeps the descriptor open and what the vectors point to in place.</summary>
    public static Errno WriteVector(int descriptor, ReadOnlySpan<IoVector> vectors, out nuint bytes)
    {
        fixed (IoVector* start = vectors)
        {
            var result = Raw.WriteVector(descriptor, start, vectors.Length);
            bytes = result < 0 ? 0 : (nuint)result;
            return result < 0 ? LastError : Errno.None;
        }
    }

    /// <summary>Writes all bytes to standard error, wherever that leads now. Waits for a pipe that is full.</summary>
    public static Errno WriteToStandardError(ReadOnlySpan<byte> bytes)
    {
        const int StandardError = 2;
        while (!bytes.IsEmpty)
        {
            fixed (byte* start = bytes)
            {
                var written = Raw.Write(StandardError, start, (nuint)bytes.Length);
                if (written >= 0)
                {
                    bytes = bytes[(int)written..];
                }
                else if (LastError != Errno.EINTR)
                {
                    return LastError;
                }
            }
        }

        return Errno.None;
    }

    /// <summary>The user that this process acts as.</summary>
    public static uint EffectiveUserId => Raw.GetEffectiveUserId();

    /// <summary>
    /// From now on, whatever this process makes is for its user alone, unless the mode is set afterwards. For the start of a program, since
    /// libraries make files, too (a database's log, a cache's checkpoint), and do not ask who may read them.
    /// </summary>
    public static void MakeNewFilesPrivate()
    {
        const uint GroupAndOthers = 0x3f; // 077
        _ = Raw.SetUserMask(GroupAndOthers);
    }

    private static Errno LastError => (Errno)Marshal.GetLastPInvokeError();

    // The entry points themselves. Kept apart, so that no code calls one without looking at its error.
    private static partial class Raw
    {
        private const string Library = "libc";

        [LibraryImport(Library, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int Open(string path, int flags);

        [LibraryImport(Library, EntryPoint = "read", SetLastError = true)]
        internal static partial nint Read(int descriptor, byte* buffer, nuint bytes);

        [LibraryImport(Library, EntryPoint = "write", SetLastError = true)]
        internal static partial nint Write(int descriptor, byte* buffer, nuint bytes);

        [LibraryImport(Library, EntryPoint = "writev", SetLastError = true)]
        internal static partial nint WriteVector(int descriptor, IoVector* vectors, int count);

        [LibraryImport(Library, EntryPoint = "preadv2", SetLastError = true)]
        internal static partial nint ReadVector(SafeFileHandle file, IoVector* vectors, int count, long offset, int flags);

        [LibraryImport(Library, EntryPoint = "umask")]
        internal static partial uint SetUserMask(uint mask);

        [LibraryImport(Library, EntryPoint = "geteuid")]
        internal static partial uint GetEffectiveUserId();
    }
}
