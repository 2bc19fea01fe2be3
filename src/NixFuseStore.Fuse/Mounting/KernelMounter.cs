using System.Globalization;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Mounting;

/// <summary>Mounts by mount(2), for those who may.</summary>
internal static class KernelMounter
{
    private const string DevicePath = "/dev/fuse";

    /// <summary>
    /// Nothing in a store has set-user-id bits or is a device, so neither should ever count here. Access times would be
    /// marked stale by every read and be fetched again.
    /// </summary>
    private const MountAttributes Flags = MountAttributes.NoSetUserId | MountAttributes.NoDevices | MountAttributes.NoAccessTime;

    /// <summary>Mounts; null when this user may not, so that another way can be tried.</summary>
    public static SafeFileHandle? TryMount(string path, FuseMountOptions options)
    {
        if (Libc.EffectiveUserId != 0)
        {
            return null;
        }

        var device = OpenDevice();
        var data = string.Create(
            CultureInfo.InvariantCulture,
            $"fd={device.DangerousGetHandle()},rootmode=40000,user_id=0,group_id=0,default_permissions{(options.AllowOther ? ",allow_other" : "")}");
        var error = Libc.Mount(options.Source, path, $"fuse.{options.Subtype}", Flags, data);
        if (error == Errno.None)
        {
            return device;
        }

        device.Dispose();
        return error switch
        {
            Errno.EPERM => null, // root of a container without CAP_SYS_ADMIN
            Errno.ENODEV => throw new FuseMountException(
                FuseMountProblem.NoDevice, $"cannot mount at {path}: the kernel has no FUSE; load the module with 'modprobe fuse'"),
            _ => throw new FuseMountException(
                FuseMountProblem.Other, $"cannot mount at {path}: {LinuxException.Describe(error)}", new LinuxException("mount", error)),
        };
    }

    /// <summary>Makes a mount read-only.</summary>
    public static void RemountReadOnly(string path)
    {
        var error = Libc.Mount(null, path, null, MountAttributes.Remount | MountAttributes.ReadOnly | Flags, null);
        if (error != Errno.None)
        {
            throw new FuseMountException(FuseMountProblem.Other, $"cannot make {path} read-only: {LinuxException.Describe(error)}");
        }
    }

    private static SafeFileHandle OpenDevice()
    {
        var error = Libc.OpenDevice(DevicePath, out var device);
        return error switch
        {
            Errno.None => device!,
            Errno.ENOENT or Errno.ENODEV => throw new FuseMountException(
                FuseMountProblem.NoDevice, $"there is no {DevicePath}: load the module with 'modprobe fuse', or give the container the device"),
            Errno.EPERM or Errno.EACCES => throw new FuseMountException(
                FuseMountProblem.NotPermitted, $"cannot open {DevicePath}: {LinuxException.Describe(error)}; give the container the device"),
            _ => throw new FuseMountException(FuseMountProblem.Other, $"cannot open {DevicePath}: {LinuxException.Describe(error)}"),
        };
    }
}
