namespace NixFuseStore.Native.Files;

/// <summary>What a failure of a file says of the future. .NET on Linux puts the error number of the kernel into the exception.</summary>
public static class DiskErrors
{
    private const int InputOutput = 5;      // EIO
    private const int NoMemory = 12;        // ENOMEM
    private const int FilesInSystem = 23;   // ENFILE
    private const int FilesInProcess = 24;  // EMFILE
    private const int NoSpace = 28;         // ENOSPC
    private const int TimedOut = 110;       // ETIMEDOUT
    private const int Quota = 122;          // EDQUOT

    /// <summary>Whether it may be over by itself, so that trying again makes sense: no space, descriptors or memory, or a disk that gives errors.</summary>
    public static bool MayPass(Exception failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        return failure is OutOfMemoryException
            || (failure is IOException && failure.HResult is InputOutput or NoMemory or FilesInSystem or FilesInProcess or NoSpace or TimedOut or Quota);
    }

    /// <summary>Whether the disk itself failed to give or take bytes.</summary>
    public static bool IsMedium(Exception failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        return failure is IOException && failure.HResult == InputOutput;
    }
}
