using NixFuseStore.Cli.Errors;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Cli.LocalSockets;

/// <summary>
/// Where the sockets of running clients lie:
/// <code>
/// BASE/control/PID-RANDOM.sock    one per process that serves a mount; never handed to a container
/// BASE/daemon/MOUNT/socket        the Nix daemon of an ordinary user's mount, alone in its directory, which a container may be given
/// </code>
/// BASE is <c>/run/nixfuse</c> for root, <c>$XDG_RUNTIME_DIR/nixfuse</c> or <c>/tmp/nixfuse-UID</c> for other users.
/// </summary>
internal static class RuntimeDirectory
{
    private const string SystemBase = "/run/nixfuse";
    private const string ControlName = "control";
    private const string DaemonName = "daemon";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    // Every user may ask for the status of root's mounts; see ControlServer for what else they may.
    private const UnixFileMode Readable = OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <summary>Makes and opens the directory for this user's control sockets.</summary>
    /// <exception cref="CliException">It is another user's, who could put sockets of their own there, or cannot be made.</exception>
    public static SocketDirectory OpenOwnControl() => Make(OwnBase(), ControlName);

    /// <summary>Makes and opens the directory for the daemon's socket of one of this user's mounts.</summary>
    /// <param name="mount">Stands for the mount, the same each time; a file name.</param>
    /// <exception cref="CliException">It is another user's, or cannot be made.</exception>
    public static SocketDirectory OpenOwnDaemon(string mount) => Make(OwnBase(), DaemonName, mount);

    /// <summary>Removes the directory that <see cref="OpenOwnDaemon"/> made, where it is empty.</summary>
    public static void RemoveOwnDaemon(string mount)
    {
        try
        {
            Directory.Delete(Path.Join(OwnBase(), DaemonName, mount));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is not empty, or gone. The next mount there takes it as it is.
        }
    }

    /// <summary>
    /// Opens the directories whose control sockets this user believes: root's, and the user's own. Root believes no other user's, since
    /// those could claim to serve any mount.
    /// </summary>
    public static IEnumerable<SocketDirectory> OpenBelieved()
    {
        string[] bases = [SystemBase, OwnBase()];
        foreach (var path in bases.Distinct())
        {
            if (SocketDirectory.TryOpen(Path.Join(path, ControlName), SocketDirectory.IsBelieved, out _) is { } directory)
            {
                yield return directory;
            }
        }
    }

    private static SocketDirectory Make(string path, params ReadOnlySpan<string> names)
    {
        var mode = Libc.EffectiveUserId == 0 ? Readable : OwnerOnly;
        using var parent = SocketDirectory.Make(path, mode);
        var current = parent;
        for (var i = 0; i < names.Length; i++)
        {
            var next = current.MakeChild(names[i], mode);
            if (i > 0)
            {
                current.Dispose();
            }

            current = next;
        }

        return current;
    }

    private static string OwnBase()
    {
        if (Libc.EffectiveUserId == 0)
        {
            return SystemBase;
        }

        return Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } runtime
            ? Path.Join(runtime, "nixfuse")
            : $"/tmp/nixfuse-{Libc.EffectiveUserId}";
    }
}
