using System.Runtime.InteropServices;
using System.Text;

namespace NixFuseStore.Native.Files;

/// <summary>Whose a file is, and who may do what with it.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="UserId">The owner.</param>
/// <param name="GroupId">The group.</param>
/// <param name="Mode">The permission bits.</param>
public readonly unsafe record struct FilePermissions(FileKind Kind, uint UserId, uint GroupId, UnixFileMode Mode)
{
    /// <summary>What group and others may do.</summary>
    public const UnixFileMode ForOthers =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>Whether only the owner may do anything with it.</summary>
    public bool IsPrivate => (Mode & ForOthers) == 0;

    /// <summary>Whether users other than the owner may write to it.</summary>
    public bool IsWritableByOthers => (Mode & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != 0;

    /// <summary>Looks at what stands at a path.</summary>
    /// <param name="path">The path.</param>
    /// <param name="followLink">Whether a symbolic link stands for what it points to, or for itself.</param>
    /// <returns>Null where nothing is there.</returns>
    /// <exception cref="IOException">It may not be looked at.</exception>
    public static FilePermissions? TryGet(string path, bool followLink = true)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var name = new byte[Encoding.UTF8.GetByteCount(path) + 1];
        Encoding.UTF8.GetBytes(path, name);
        FileCalls.Statx result;
        fixed (byte* text = name)
        {
            if (FileCalls.statx(FileCalls.AtCurrentDirectory, text, followLink ? 0 : FileCalls.SymlinkNoFollow, FileCalls.StatxBasicStats, &result) == 0)
            {
                return Of(result);
            }
        }

        const int NoEntry = 2;       // ENOENT
        const int NotDirectory = 20; // ENOTDIR
        var error = Marshal.GetLastPInvokeError();
        return error is NoEntry or NotDirectory ? null : throw new IOException($"{path}: {Marshal.GetPInvokeErrorMessage(error)}", error);
    }

    /// <summary>Looks at an open file.</summary>
    /// <exception cref="IOException">The disk fails.</exception>
    public static FilePermissions Of(SafeHandle file)
    {
        ArgumentNullException.ThrowIfNull(file);
        FileCalls.Statx result;
        byte empty = 0;
        var added = false;
        try
        {
            file.DangerousAddRef(ref added);
            return FileCalls.statx((int)file.DangerousGetHandle(), &empty, FileCalls.EmptyPath, FileCalls.StatxBasicStats, &result) == 0
                ? Of(result)
                : throw new IOException(Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()), Marshal.GetLastPInvokeError());
        }
        finally
        {
            if (added)
            {
                file.DangerousRelease();
            }
        }
    }

    private static FilePermissions Of(in FileCalls.Statx status) =>
        new(FileNode.KindOfMode(status.Mode), status.UserId, status.GroupId, (UnixFileMode)(status.Mode & 0xfff));
}
