using System.Globalization;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Fuse.Channels;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Mounting;

/// <summary>A mount and our end of it.</summary>
/// <remarks>
/// The order of things: <see cref="Create"/>, start a session on <see cref="Channel"/>, wait for its Connection, bind a
/// socket inside if wanted, <see cref="RemountReadOnly"/>, <see cref="SetReadAhead"/> (INIT would lower it again). To end:
/// <see cref="TryUnmount(bool)"/>, wait for or stop the session, <see cref="Dispose"/>.
/// </remarks>
public sealed class FuseMount : IDisposable
{
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(1);

    private readonly Lock _tableGate = new();
    private readonly FileStream _table; // guarded by _tableGate
    private readonly string? _deviceNumber;

    private FuseMount(string path, FileStream table, DeviceChannel channel, string? deviceNumber = null)
    {
        Path = path;
        _table = table;
        Channel = channel;
        _deviceNumber = deviceNumber ?? Find()?.Device;
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
    public static FuseMount Create(string mountPoint, FuseMountOptions? options = null)
    {
        options ??= new FuseMountOptions();
        var path = MountPoint.Check(mountPoint, options.AllowNonEmpty);
        var table = MountTable.Open();
        try
        {
            if (KernelMounter.TryMount(path, options) is { } device)
            {
                return new FuseMount(path, table, new DeviceChannel(device)) { AllowsOthers = options.AllowOther };
            }

            var (helperDevice, allowsOthers) = HelperMounter.Mount(path, options);
            return new FuseMount(path, table, new DeviceChannel(helperDevice)) { AllowsOthers = allowsOthers, IsUnprivileged = true };
        }
        catch
        {
            table.Dispose();
            throw;
        }
    }

    /// <summary>A mount that another process has made, or served until now.</summary>
    /// <param name="state">What that process knew of it.</param>
    /// <param name="device">Its line to the kernel; the mount's from now on.</param>
    public static FuseMount Adopt(FuseMountState state, SafeFileHandle device)
    {
        ArgumentNullException.ThrowIfNull(state);
        return new FuseMount(state.Path, MountTable.Open(), new DeviceChannel(device), state.DeviceNumber)
        {
            AllowsOthers = state.AllowsOthers,
            IsUnprivileged = state.IsUnprivileged,
        };
    }

    /// <summary>What a process needs to go on with the mount.</summary>
    public FuseMountState State => new(Path, _deviceNumber ?? "", AllowsOthers, IsUnprivileged);

    /// <summary>Whether its file system is still mounted somewhere in this process's mount namespace.</summary>
    public bool IsMounted
    {
        get
        {
            lock (_tableGate)
            {
                return _deviceNumber is not null && MountTable.Contains(_table, _deviceNumber);
            }
        }
    }

    /// <summary>
    /// Its root, seen by a way of its own: what is opened and bound below it keeps the file system alive, but is no use of the mount, which
    /// can be unmounted all the same.
    /// </summary>
    /// <returns>Null where the kernel does not do this for us (before Linux 5.2, or forbidden).</returns>
    public SafeFileHandle? OpenAside() => Libc.CloneMount(Path, out var aside) == Errno.None ? aside : null;

    /// <summary>Makes the mount read-only, which saves a request for each listing and read. Nothing to do for an ordinary user's.</summary>
    /// <exception cref="FuseMountException">The kernel refused.</exception>
    public void RemountReadOnly()
    {
        if (!IsUnprivileged)
        {
            KernelMounter.RemountReadOnly(Path);
        }
    }

    /// <summary>
    /// Sets how far the kernel reads ahead, which also is how much it asks for in one READ. 128 KiB if never set. Has no
    /// effect before INIT was answered.
    /// </summary>
    /// <returns>False when this user may not, or sysfs is read-only, as in containers.</returns>
    public bool SetReadAhead(int kibibytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(kibibytes, 4);
        if (_deviceNumber is null)
        {
            return false;
        }

        try
        {
            File.WriteAllText($"/sys/class/bdi/{_deviceNumber}/read_ahead_kb", kibibytes.ToString(CultureInfo.InvariantCulture));
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>
    /// Unmounts this mount; nothing to do if it is gone or something else is mounted over it since. While it is in use it
    /// stays, or goes lazily.
    /// </summary>
    /// <param name="lazyWhenBusy">Take it out of sight when it is in use; its users keep it until they are done.</param>
    /// <returns>False when it is in use and still there.</returns>
    public bool TryUnmount(bool lazyWhenBusy)
    {
        var present = Find();
        return present is null || present.Device != _deviceNumber || TryUnmount(Path, Path, lazyWhenBusy);
    }

    /// <summary>Unmounts a mount of which only this is known, also while it is in use. Nothing to do where it is gone.</summary>
    /// <exception cref="FuseMountException">This user may not.</exception>
    public static void UnmountLazily(FuseMountState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (MountTable.Find(state.Path)?.Device == state.DeviceNumber)
        {
            TryUnmount(state.Path, state.Path, lazyWhenBusy: true);
        }
    }

    /// <summary>Unmounts the FUSE file system at a path, no matter who mounted it; one whose server died goes lazily in any case.</summary>
    /// <param name="mountPoint">The mount point.</param>
    /// <param name="lazyWhenBusy">Take it out of sight when it is in use; its users keep it until they are done.</param>
    /// <returns>False when it is in use and still there.</returns>
    /// <exception cref="FuseMountException">Nothing like that is mounted there, or this user may not.</exception>
    public static bool TryUnmount(string mountPoint, bool lazyWhenBusy)
    {
        var path = MountPoint.Resolve(mountPoint);
        if (MountTable.Find(path) is not { IsFuse: true })
        {
            throw new FuseMountException(FuseMountProblem.Missing, $"cannot unmount {mountPoint}: no FUSE file system is mounted there");
        }

        return TryUnmount(path, mountPoint, lazyWhenBusy);
    }

    private static bool TryUnmount(string path, string mountPoint, bool lazyWhenBusy)
    {
        var error = Unmount(path, lazy: false);
        if (error == Errno.EBUSY && (lazyWhenBusy || IsStale(path)))
        {
            error = Unmount(path, lazy: true);
        }

        return error switch
        {
            Errno.None => true,
            Errno.EBUSY => false,
            _ => throw new FuseMountException(FuseMountProblem.Other, $"cannot unmount {mountPoint}: {LinuxException.Describe(error)}"),
        };
    }

    /// <summary>A mount point as the mount table has it: absolute, without symbolic links. Asks nothing of what is mounted there.</summary>
    public static string ResolvePath(string mountPoint) => MountPoint.Resolve(mountPoint);

    /// <summary>Whether a mount at the path has lost its server. One that does not answer within a second is not said to.</summary>
    public static bool IsStale(string mountPoint)
    {
        // The kernel goes on answering for attributes that it keeps, so they tell nothing. What is asked here may wait for ever on
        // a server that hangs; then the thread is left behind.
        var probe = Task.Run(() => Libc.ProbeFileSystem(mountPoint));
        return probe.Wait(ProbeTimeout) && probe.Result == Errno.ENOTCONN;
    }

    /// <summary>Closes the line to the kernel. A mount that is still there then ends for its users with ENOTCONN.</summary>
    public void Dispose()
    {
        Channel.Dispose();
        lock (_tableGate)
        {
            _table.Dispose();
        }
    }

    private MountTableEntry? Find()
    {
        lock (_tableGate)
        {
            // A mount whose line to the kernel was closed may still have to be unmounted.
            return _table.CanRead ? MountTable.Find(_table, Path) : MountTable.Find(Path);
        }
    }

    private static Errno Unmount(string path, bool lazy)
    {
        var error = Libc.Unmount(path, lazy);
        return error == Errno.EPERM ? HelperMounter.Unmount(path, lazy) : error;
    }
}
