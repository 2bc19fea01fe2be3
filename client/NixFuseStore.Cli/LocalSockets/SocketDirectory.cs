using System.Globalization;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Cli.LocalSockets;

/// <summary>
/// An opened directory of unix sockets whose owner was checked. What is in it is named through the open directory, so that nothing
/// that happens to its path leads elsewhere, and paths that are too long for a socket's address work.
/// </summary>
internal sealed class SocketDirectory : IDisposable
{
    /// <summary>Sockets of one directory that are looked at.</summary>
    private const int SocketsMax = 256;

    private static readonly TimeSpan FullQueuePause = TimeSpan.FromMilliseconds(20);

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly SafeFileHandle _handle;

    private SocketDirectory(string path, SafeFileHandle handle, FileIdentity identity)
    {
        Path = path;
        _handle = handle;
        OwnerId = identity.UserId;
    }

    /// <summary>Where it was when it was opened, for messages.</summary>
    public string Path { get; }

    /// <summary>Whose it is. Only this user and root may have made what is in it.</summary>
    public uint OwnerId { get; }

    /// <summary>Whether a directory may hold sockets that this user believes: it is root's or the user's own, and others cannot write to it.</summary>
    public static bool IsBelieved(FileIdentity directory) =>
        directory.IsDirectory && !directory.IsWritableByOthers && (directory.UserId == 0 || directory.UserId == Libc.EffectiveUserId);

    /// <summary>Opens a directory, which must pass a check.</summary>
    /// <returns>Null where there is none, a symbolic link to one, or one that fails the check.</returns>
    public static SocketDirectory? TryOpen(string path, Func<FileIdentity, bool> check, out Errno error)
    {
        error = Libc.OpenDirectory(path, out var handle);
        if (error != Errno.None)
        {
            return null;
        }

        if (Libc.Look(handle!, "", out var identity) == Errno.None && check(identity))
        {
            return new SocketDirectory(path, handle!, identity);
        }

        handle!.Dispose();
        error = Errno.EPERM;
        return null;
    }

    /// <summary>Makes a directory of this user's, or takes the one that is there.</summary>
    /// <exception cref="CliException">It is another user's, or cannot be made.</exception>
    public static SocketDirectory Make(string path, UnixFileMode mode) => Make(path, path, mode);

    /// <summary>Makes a directory in this one.</summary>
    /// <exception cref="CliException">It is another user's, or cannot be made.</exception>
    public SocketDirectory MakeChild(string name, UnixFileMode mode) => Make(Inside(name), System.IO.Path.Join(Path, name), mode);

    /// <summary>Names of the sockets in it that its owner made; other files are left out.</summary>
    public IReadOnlyList<string> ListSockets(string suffix)
    {
        try
        {
            return
            [
                .. Directory.EnumerateFileSystemEntries(Inside(""))
                    .Select(static entry => System.IO.Path.GetFileName(entry))
                    .Where(name => name.EndsWith(suffix, StringComparison.Ordinal) && IsOwnersSocket(name))
                    .Order(StringComparer.Ordinal)
                    .Take(SocketsMax),
            ];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>
    /// Binds a socket and listens. It appears under its name only when it already listens, in place of one that is there; so that a name whose
    /// socket refuses connections belongs to a process that has ended.
    /// </summary>
    /// <exception cref="SocketException">It cannot be bound.</exception>
    /// <exception cref="IOException">It cannot be named so.</exception>
    public Socket Listen(string name, UnixFileMode mode, int backlog)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var temporary = $".{Guid.NewGuid():N}";
        try
        {
            listener.Bind(new UnixDomainSocketEndPoint(Inside(temporary)));
            File.SetUnixFileMode(Inside(temporary), OwnerOnly);
            listener.Listen(backlog);
            File.SetUnixFileMode(Inside(temporary), mode);
            File.Move(Inside(temporary), Inside(name), overwrite: true);
            return listener;
        }
        catch
        {
            listener.Dispose();
            TryRemove(temporary);
            throw;
        }
    }

    /// <summary>Connects to a socket of the directory's owner, whose process runs as that user, too.</summary>
    /// <exception cref="SocketException">Its process does not listen (ConnectionRefused: it has ended).</exception>
    /// <exception cref="IOException">It is no socket, or another user's.</exception>
    public async Task<Socket> ConnectAsync(string name, CancellationToken cancellationToken)
    {
        if (!IsOwnersSocket(name))
        {
            throw new IOException($"{System.IO.Path.Join(Path, name)} is no socket of user {OwnerId}");
        }

        var socket = await ConnectAsync(_handle, name, cancellationToken).ConfigureAwait(false);
        if (Libc.PeerOf(socket.SafeHandle).UserId == OwnerId)
        {
            return socket;
        }

        socket.Dispose();
        throw new IOException($"the process behind {System.IO.Path.Join(Path, name)} is not of user {OwnerId}");
    }

    /// <summary>Connects to a socket by its path, which may be longer than a socket's address.</summary>
    /// <exception cref="SocketException">Nothing listens there.</exception>
    public static async Task<Socket> ConnectToPathAsync(string path, CancellationToken cancellationToken)
    {
        var error = Libc.OpenMagicDirectory(System.IO.Path.GetDirectoryName(path) ?? "/", out var directory);
        if (error != Errno.None)
        {
            throw new LinuxException($"open the directory of {path}", error);
        }

        using (directory)
        {
            return await ConnectAsync(directory!, System.IO.Path.GetFileName(path), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Removes a socket of this user's. Anything else under that name stays.</summary>
    public void TryRemove(string name)
    {
        if (OwnerId != Libc.EffectiveUserId || !IsOwnersSocket(name))
        {
            return;
        }

        try
        {
            File.Delete(Inside(name));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It stays behind; the next command tries again.
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private static SocketDirectory Make(string path, string shownPath, UnixFileMode mode)
    {
        try
        {
            Directory.CreateDirectory(path, mode);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"cannot make the directory {shownPath}: {e.Message.TrimEnd('.')}", e);
        }

        // Below /tmp any user may have made it before.
        var directory = TryOpen(path, static found => found.UserId == Libc.EffectiveUserId, out var error)
            ?? throw new CliException(error is Errno.EPERM or Errno.ENOTDIR or Errno.ELOOP
                ? $"the directory {shownPath} belongs to another user, or is a link; set XDG_RUNTIME_DIR to a directory of yours"
                : $"cannot open the directory {shownPath}: {LinuxException.Describe(error)}");
        try
        {
            File.SetUnixFileMode(directory.Inside(""), mode);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            directory.Dispose();
            throw new CliException($"cannot set the permissions of the directory {shownPath}: {e.Message.TrimEnd('.')}", e);
        }

        return new SocketDirectory(shownPath, directory._handle, new FileIdentity(0, directory.OwnerId, 0, 0));
    }

    private static async Task<Socket> ConnectAsync(SafeFileHandle directory, string name, CancellationToken cancellationToken)
    {
        while (true)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(Inside(directory, name)), cancellationToken).ConfigureAwait(false);
                return socket;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
            {
                // The queue of those that connect is full for the moment.
                socket.Dispose();
                await Task.Delay(FullQueuePause, cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }

    private static string Inside(SafeFileHandle directory, string name) =>
        string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{directory.DangerousGetHandle()}/{name}");

    private string Inside(string name) => Inside(_handle, name);

    private bool IsOwnersSocket(string name) =>
        Libc.Look(_handle, name, out var file) == Errno.None && file.IsSocket && file.UserId == OwnerId;
}
