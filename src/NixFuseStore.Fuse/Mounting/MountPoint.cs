using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Mounting;

/// <summary>Looks at a mount point before the kernel does, because it can say more about what is wrong.</summary>
internal static class MountPoint
{
    /// <summary>Finds out where a path leads, and that a file system can be mounted there.</summary>
    /// <returns>The path without symbolic links.</returns>
    public static string Check(string path, bool allowNonEmpty)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);

        // 1. Is there a directory?
        var error = Libc.GetMode(path, out var mode);
        switch (error)
        {
            case Errno.None when (mode & FuseMode.TypeMask) == FuseMode.Directory:
                break;
            case Errno.None or Errno.ENOTDIR:
                throw new FuseMountException(FuseMountProblem.NotDirectory, $"cannot mount at {path}: it is not a directory");
            case Errno.ENOENT:
                throw new FuseMountException(FuseMountProblem.Missing, $"cannot mount at {path}: there is no such directory; create it first");
            case Errno.ENOTCONN:
                throw Stale(path);
            case Errno.EACCES:
                throw new FuseMountException(FuseMountProblem.NotPermitted, $"cannot mount at {path}: {LinuxException.Describe(error)}");
            default:
                throw new FuseMountException(FuseMountProblem.Other, $"cannot mount at {path}: {LinuxException.Describe(error)}");
        }

        // 2. Is it free?
        var resolved = Resolve(path);
        if (MountTable.Find(resolved) is { } present)
        {
            if (present.IsFuse && FuseMount.IsStale(resolved))
            {
                throw Stale(path);
            }

            throw new FuseMountException(
                FuseMountProblem.Busy, $"cannot mount at {path}: {present.Type} from {present.Source} is mounted there; unmount it or choose another directory");
        }

        if (!allowNonEmpty && HasEntries(resolved))
        {
            throw new FuseMountException(
                FuseMountProblem.NotEmpty, $"cannot mount at {path}: the directory is not empty; choose an empty one");
        }

        return resolved;
    }

    /// <summary>The path as the mount table has it. Works on stale mounts too, whose last part cannot be looked at.</summary>
    public static string Resolve(string path)
    {
        if (Libc.ResolvePath(path, out var resolved) == Errno.None)
        {
            return resolved;
        }

        var full = Path.GetFullPath(path).TrimEnd('/');
        var parent = Path.GetDirectoryName(full);
        return parent is not null && Libc.ResolvePath(parent, out var resolvedParent) == Errno.None
            ? Path.Join(resolvedParent, Path.GetFileName(full))
            : full;
    }

    private static FuseMountException Stale(string path)
        => new(FuseMountProblem.Stale, $"cannot mount at {path}: a mount whose server died is still there; unmount it first");

    private static bool HasEntries(string path)
    {
        try
        {
            return Directory.EnumerateFileSystemEntries(path).Any();
        }
        catch (UnauthorizedAccessException)
        {
            return false; // not ours to list; the kernel or fusermount3 decides whether it is ours to mount on
        }
    }
}
