#pragma warning disable CA1416 // this library is for Linux only
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Native.Files;

/// <summary>
/// Files and directories that hold secrets: keys, tokens, the content of stores. They are 0600 and 0700 whatever the umask says, and what
/// was there before is narrowed.
/// </summary>
public static class PrivateFiles
{
    /// <summary>0600.</summary>
    public const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>0700.</summary>
    public const UnixFileMode DirectoryMode = FileMode | UnixFileMode.UserExecute;

    /// <summary>Opens a file that only this user may read, and makes it so where it is new.</summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be opened.</exception>
    public static SafeFileHandle Open(
        string path, System.IO.FileMode mode, FileAccess access, FileShare share = FileShare.Read, FileOptions options = FileOptions.None)
    {
        var handle = File.OpenHandle(path, mode, access, share, options);
        try
        {
            // The mask of MakeNewFilesPrivate has seen to it already, in programs that set it.
            var found = FilePermissions.Of(handle);
            if (!found.IsPrivate && found.UserId == Libc.EffectiveUserId)
            {
                File.SetUnixFileMode(handle, found.Mode & ~FilePermissions.ForOthers);
            }

            return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Makes a directory, parents included, or narrows the one that is there.</summary>
    /// <param name="path">The directory.</param>
    /// <param name="notice">Is told in one line when it was narrowed.</param>
    /// <exception cref="IOException">It cannot be made, or it is open to other users and not ours to narrow: the message says so in full.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be made.</exception>
    public static void SecureDirectory(string path, Action<string>? notice = null)
    {
        if (FilePermissions.TryGet(path) is null)
        {
            Directory.CreateDirectory(path, DirectoryMode);
        }

        Narrow(path, FileKind.Directory, "directory", notice);
    }

    /// <summary>Narrows a file that is there; nothing happens where there is none.</summary>
    /// <inheritdoc cref="SecureDirectory"/>
    public static void SecureFile(string path, Action<string>? notice = null) => Narrow(path, FileKind.Regular, "file", notice);

    private static void Narrow(string path, FileKind kind, string word, Action<string>? notice)
    {
        if (FilePermissions.TryGet(path) is not { } found)
        {
            return;
        }

        if (found.Kind != kind)
        {
            throw new IOException($"{path} is not a {(kind == FileKind.Regular ? "regular file" : word)}");
        }

        if (found.IsPrivate)
        {
            return;
        }

        var mode = Convert.ToString((int)found.Mode, 8).PadLeft(4, '0');
        if (found.UserId != Libc.EffectiveUserId)
        {
            throw new IOException(
                $"the {word} {path} is open to other users (mode {mode}) and belongs to user {found.UserId}, not to user {Libc.EffectiveUserId}, who runs this: it is not used, since secrets lie there (chmod go-rwx {path}, or choose another)");
        }

        File.SetUnixFileMode(path, found.Mode & ~FilePermissions.ForOthers);
        notice?.Invoke($"the {word} {path} was open to other users (mode {mode}); it is not any more, since secrets lie there");
    }
}
