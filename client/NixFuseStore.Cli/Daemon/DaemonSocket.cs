using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using NixFuseStore.Cli.Control;
using NixFuseStore.Fuse.Mounting;

namespace NixFuseStore.Cli.Daemon;

/// <summary>
/// The socket on which stock Nix finds the daemon: inside the mount, where whoever is given the mount is given the socket too. An ordinary
/// user's mount is read-only from the start, so that nothing can be bound inside; there it lies in the user's runtime directory.
/// </summary>
internal static class DaemonSocket
{
    /// <summary>Where Nix looks for it below the directory that holds <c>store</c>.</summary>
    public const string PathInMount = "var/nix/daemon-socket/socket";

    private const int Backlog = 512;

    private const UnixFileMode EverybodyReadsAndWrites = UnixFileMode.UserRead | UnixFileMode.UserWrite
        | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    /// <summary>Binds the socket of a mount that is still writable, or the one beside it, and listens. Not to be called on a thread that serves the mount.</summary>
    /// <returns>The listener, and where it is.</returns>
    /// <exception cref="IOException">It cannot be bound; at a mount point with a very long name, since sockets have names of 107 bytes at most.</exception>
    public static (Socket Listener, string Path) Bind(FuseMount mount)
    {
        var path = mount.IsUnprivileged ? PathBeside(mount.Path) : Path.Join(mount.Path, PathInMount);

        // A bound socket, and each connection that it accepts, is a use of the mount through which it was bound.
        using var aside = mount.IsUnprivileged ? null : mount.OpenAside();
        var boundPath = aside is null ? path : $"/proc/self/fd/{aside.DangerousGetHandle()}/{PathInMount}";
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            if (mount.IsUnprivileged)
            {
                // One that a process left behind which was killed.
                File.Delete(path);
            }

            listener.Bind(new UnixDomainSocketEndPoint(boundPath));
            File.SetUnixFileMode(boundPath, EverybodyReadsAndWrites);
            listener.Listen(Backlog);
            return (listener, path);
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            listener.Dispose();
            throw new IOException($"cannot bind the Nix daemon socket {path}: {e.Message}", e);
        }
    }

    /// <summary>Where the socket of an ordinary user's mount is; the same each time.</summary>
    public static string PathBeside(string mountPoint)
    {
        var digest = SHA256.HashData(Encoding.UTF8.GetBytes(mountPoint));
        return Path.Join(ControlDirectory.Own(), $"daemon-{Convert.ToHexStringLower(digest.AsSpan(0, 6))}.socket");
    }
}
