using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.LocalSockets;
using NixFuseStore.Fuse.Mounting;
using NixFuseStore.Supervisor.Messages;

namespace NixFuseStore.Cli.Daemon;

/// <summary>
/// The socket on which stock Nix finds the daemon: inside the mount, so that a container that is given the mount is given the socket too. An
/// ordinary user's mount is read-only from the start, so that nothing can be bound inside; there it lies in a directory of its own below the
/// user's runtime directory, which a container may be given without the user's other sockets.
/// </summary>
internal sealed class DaemonSocket : IDisposable
{
    /// <summary>Where Nix looks for it below the directory that holds <c>store</c>.</summary>
    public const string PathInMount = "var/nix/daemon-socket/socket";

    /// <summary>Its name in a directory of its own.</summary>
    public const string NameBeside = "socket";

    private const int Backlog = 512;
    private const int MountNameBytes = 6;

    private const UnixFileMode EveryUserConnects = UnixFileMode.UserRead | UnixFileMode.UserWrite
        | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    private readonly string? _mountName;

    private DaemonSocket(Socket listener, string path, string? mountName)
    {
        Listener = listener;
        Path = path;
        _mountName = mountName;
    }

    /// <summary>Bound and listening; its server disposes it.</summary>
    public Socket Listener { get; }

    /// <summary>Where clients find it.</summary>
    public string Path { get; }

    /// <summary>The name of its directory, where it lies beside the mount; null where it lies inside.</summary>
    public string? MountName => _mountName;

    /// <summary>The socket that another process has bound and handed on.</summary>
    /// <param name="kept">What it is.</param>
    /// <param name="listener">It; stays the caller's.</param>
    public static DaemonSocket Adopt(KeptSocket kept, SafeHandle listener) =>
        new(new Socket(new SafeSocketHandle(listener.DangerousGetHandle(), ownsHandle: false)), kept.Path, kept.MountName);

    /// <summary>Binds the socket of a mount that is still writable, or the one beside it, and listens. Not to be called on a thread that serves the mount.</summary>
    /// <exception cref="IOException">It cannot be bound.</exception>
    /// <exception cref="CliException">The directory for it is another user's.</exception>
    public static DaemonSocket Bind(FuseMount mount) => mount.IsUnprivileged ? BindBeside(mount.Path) : BindInside(mount);

    /// <summary>Removes the socket that lies beside its mount; one inside goes with the mount.</summary>
    public void Dispose()
    {
        if (_mountName is not null)
        {
            using (var directory = RuntimeDirectory.OpenOwnDaemon(_mountName))
            {
                directory.TryRemove(NameBeside);
            }

            RuntimeDirectory.RemoveOwnDaemon(_mountName);
        }
    }

    private static DaemonSocket BindInside(FuseMount mount)
    {
        var path = System.IO.Path.Join(mount.Path, PathInMount);

        // A bound socket, and each connection that it accepts, is a use of the mount through which it was bound. The path by way of a
        // descriptor is short, too, where the mount point's own may be longer than a socket's address.
        using var aside = mount.OpenAside();
        var boundPath = aside is null ? path : $"/proc/self/fd/{aside.DangerousGetHandle()}/{PathInMount}";
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            listener.Bind(new UnixDomainSocketEndPoint(boundPath));
            File.SetUnixFileMode(boundPath, EveryUserConnects);
            listener.Listen(Backlog);
            return new DaemonSocket(listener, path, mountName: null);
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            listener.Dispose();
            throw new IOException($"cannot bind the Nix daemon socket {path}: {e.Message}", e);
        }
    }

    private static DaemonSocket BindBeside(string mountPoint)
    {
        var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(mountPoint)).AsSpan(0, MountNameBytes));
        using var directory = RuntimeDirectory.OpenOwnDaemon(name);
        var path = System.IO.Path.Join(directory.Path, NameBeside);
        try
        {
            // In place of one that a process left behind which was killed.
            return new DaemonSocket(directory.Listen(NameBeside, EveryUserConnects, Backlog), path, name);
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException)
        {
            throw new IOException($"cannot bind the Nix daemon socket {path}: {e.Message}", e);
        }
    }
}
