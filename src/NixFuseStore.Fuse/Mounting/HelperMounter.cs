using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Mounting;

/// <summary>
/// Mounts through the set-user-id program <c>fusermount3</c>: it opens the device, mounts, and sends the descriptor back
/// over the unix socket that the variable _FUSE_COMMFD names.
/// </summary>
internal static class HelperMounter
{
    private const string Program = "fusermount3";
    private const int ComplaintBytesMax = 4096;

    /// <summary>Mounting takes milliseconds; a helper that takes longer hangs, on a dead network file system or whatever a path leads to.</summary>
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    /// <summary>Mounts read-only. Access by others is given up when /etc/fuse.conf forbids it.</summary>
    public static (SafeFileHandle Device, bool AllowsOthers) Mount(string path, FuseMountOptions options)
    {
        var device = TryMount(path, options, options.AllowOther, out var complaint);
        if (device is not null)
        {
            return (device, options.AllowOther);
        }

        if (options.AllowOther && complaint.Contains("allow_other", StringComparison.Ordinal))
        {
            device = TryMount(path, options, allowOther: false, out complaint);
            if (device is not null)
            {
                return (device, false);
            }
        }

        var problem = complaint.Contains("device not found", StringComparison.Ordinal) ? FuseMountProblem.NoDevice : FuseMountProblem.NotPermitted;
        throw new FuseMountException(problem, $"cannot mount at {path}: {complaint}");
    }

    /// <summary>Unmounts; None, EBUSY, or throws with the helper's complaint.</summary>
    public static Errno Unmount(string path, bool lazy)
    {
        var status = Run(["-u", .. lazy ? new[] { "-z" } : [], "--", path], commandSocket: null, static () => { }, out var complaint);
        if (status == 0)
        {
            return Errno.None;
        }

        return complaint.Contains("busy", StringComparison.OrdinalIgnoreCase)
            ? Errno.EBUSY
            : throw new FuseMountException(FuseMountProblem.NotPermitted, $"cannot unmount {path}: {complaint}");
    }

    private static SafeFileHandle? TryMount(string path, FuseMountOptions options, bool allowOther, out string complaint)
    {
        var (ours, theirs) = Libc.CreateSocketPair();
        using (ours)
        using (theirs)
        {
            var arguments = $"ro,nosuid,nodev,noatime,default_permissions,fsname={Escape(options.Source)},subtype={Escape(options.Subtype)}{(allowOther ? ",allow_other" : "")}";
            SafeFileHandle? device = null;
            var error = Errno.None;
            var status = Run(
                ["-o", arguments, "--", path],
                theirs,
                () =>
                {
                    theirs.Dispose(); // so that the helper's end is the last, and its death ends the wait
                    error = Libc.ReceiveDescriptor(ours, Deadline, out device);
                },
                out complaint);
            if (status == 0 && device is not null)
            {
                return device;
            }

            device?.Dispose();
            if (complaint.Length == 0)
            {
                complaint = error != Errno.None
                    ? $"{Program}: {LinuxException.Describe(error)}"
                    : string.Create(CultureInfo.InvariantCulture, $"{Program} exited with status {status}");
            }

            return null;
        }
    }

    /// <summary>Runs the helper; <paramref name="whileRunning"/> is called between its start and its end.</summary>
    private static int Run(ReadOnlySpan<string> arguments, SafeFileHandle? commandSocket, Action whileRunning, out string complaint)
    {
        var started = Stopwatch.GetTimestamp();
        var (reader, writer) = Libc.CreatePipe();
        using var complaints = reader;
        int process;
        using (writer)
        {
            (string, string)? variable = commandSocket is null
                ? null
                : ("_FUSE_COMMFD", Libc.InheritedDescriptor.ToString(CultureInfo.InvariantCulture));
            var error = Libc.Spawn(Program, arguments, variable, commandSocket, writer, out process);
            if (error != Errno.None)
            {
                throw error == Errno.ENOENT
                    ? new FuseMountException(
                        FuseMountProblem.NoHelper, $"{Program} is missing, which mounts for ordinary users: install the package 'fuse3', or mount as root")
                    : new FuseMountException(FuseMountProblem.Other, $"cannot start {Program}: {LinuxException.Describe(error)}");
            }
        }

        whileRunning();
        complaint = ReadToEnd(complaints, started).Trim().ReplaceLineEndings("; ");
        if (Libc.WaitForExit(process, Left(started)) is { } status)
        {
            return status;
        }

        Libc.EndProcess(process);
        throw new FuseMountException(FuseMountProblem.Other, $"{Program} {arguments[^1]} did not end within {Deadline.TotalSeconds:0} s, and was stopped");
    }

    /// <summary>What the helper says until it closes its end, or hangs.</summary>
    private static string ReadToEnd(SafeFileHandle pipe, long started)
    {
        var buffer = new byte[ComplaintBytesMax];
        var length = 0;
        while (length < buffer.Length && Libc.ReadWithin(pipe, buffer.AsSpan(length), Left(started), out var bytes) == Errno.None && bytes > 0)
        {
            length += bytes;
        }

        return Encoding.UTF8.GetString(buffer, 0, length);
    }

    // One deadline for all that a helper does, and a moment for one that has just missed it.
    private static TimeSpan Left(long started) =>
        TimeSpan.FromTicks(Math.Max((Deadline - Stopwatch.GetElapsedTime(started)).Ticks, TimeSpan.TicksPerMillisecond * 100));

    /// <summary>Commas separate options, and a backslash escapes them.</summary>
    private static string Escape(string value) =>
        value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(",", "\\,", StringComparison.Ordinal);
}
