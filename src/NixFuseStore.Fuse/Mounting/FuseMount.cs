using NixFuseStore.Fuse.Channels;

namespace NixFuseStore.Fuse.Mounting;

/// <summary>A mount and the kernel's end of it.</summary>
public sealed class FuseMount : IDisposable
{
    private FuseMount(string path, DeviceChannel channel)
    {
        Path = path;
        Channel = channel;
    }

    /// <summary>Where, absolute and without symbolic links.</summary>
    public string Path { get; }

    /// <summary>The line to the kernel. Owned by the mount.</summary>
    public DeviceChannel Channel { get; }

    /// <summary>Mounted by <c>fusermount3</c> for an ordinary user: read-only from the start.</summary>
    public bool IsUnprivileged { get; private init; }

    /// <summary>Whether other users see into it.</summary>
    public bool AllowsOthers { get; private init; }

    /// <summary>Mounts, as root read-write so that a socket can be bound inside. Nothing answers before a session is started.</summary>
    /// <exception cref="FuseMountException">It could not be mounted; nothing is left behind.</exception>
    public static FuseMount Create(string mountPoint, FuseMountOptions? options = null) => throw new NotSupportedException(mountPoint + options);

    /// <summary>Makes the mount read-only, which saves a request for each listing and read. Nothing to do for an ordinary user's.</summary>
    public void RemountReadOnly() => throw new NotSupportedException();

    /// <summary>Sets how far the kernel reads ahead. False when this user may not.</summary>
    public bool SetReadAhead(int kibibytes) => throw new NotSupportedException();

    /// <summary>Unmounts this mount, lazily if it is in use and <paramref name="lazyWhenBusy"/> says so. False when it is in use.</summary>
    public bool TryUnmount(bool lazyWhenBusy) => TryUnmount(Path, lazyWhenBusy);

    /// <summary>Unmounts whatever is mounted there; lazily too when it is stale.</summary>
    public static bool TryUnmount(string mountPoint, bool lazyWhenBusy) => throw new NotSupportedException(mountPoint);

    /// <summary>Closes the line to the kernel. A mount that is still there then ends for its users with ENOTCONN.</summary>
    public void Dispose() => Channel.Dispose();
}
