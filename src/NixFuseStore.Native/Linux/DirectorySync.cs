using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Linux;

/// <summary>Makes names durable: a new or renamed file survives a power cut only once its directory is flushed too, which .NET cannot do.</summary>
public static partial class DirectorySync
{
    // fcntl.h, x86-64 and arm64 alike for these two.
    private const int ReadOnly = 0;
    private const int CloseOnExec = 0x80000;

    /// <summary>Returns when the directory's entries are on disk.</summary>
    /// <exception cref="IOException">The directory cannot be opened or flushed.</exception>
    public static void Flush(string directory)
    {
        int descriptor = Open(directory, ReadOnly | CloseOnExec);
        if (descriptor < 0)
        {
            throw Failure(directory);
        }

        try
        {
            if (Sync(descriptor) < 0)
            {
                throw Failure(directory);
            }
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    private static IOException Failure(string directory)
    {
        int error = Marshal.GetLastPInvokeError();
        return new IOException($"The directory {directory} cannot be flushed to disk: {Marshal.GetPInvokeErrorMessage(error)}.", error);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
