namespace NixFuseStore.Native.Files;

/// <summary>How much a file system can still take.</summary>
public static class FreeSpace
{
    /// <summary>Bytes that are left to this user in a directory's file system; null where that cannot be asked.</summary>
    public static long? Of(string directory)
    {
        try
        {
            return new DriveInfo(directory).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }
}
