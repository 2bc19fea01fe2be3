namespace NixFuseStore.Native.Files;

/// <summary>Directories that only their owner may enter.</summary>
public static class PrivateDirectory
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Makes a directory, and the one above it, where they are missing. One that is there keeps its mode.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not make it.</exception>
    public static void Create(string path)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } above)
        {
            Directory.CreateDirectory(above, OwnerOnly);
        }

        Directory.CreateDirectory(path, OwnerOnly);
    }
}
