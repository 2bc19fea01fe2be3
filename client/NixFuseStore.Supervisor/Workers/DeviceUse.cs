using System.Globalization;
using System.Runtime.InteropServices;

namespace NixFuseStore.Supervisor.Workers;

/// <summary>
/// Whether a process that cannot be ended still takes part in a mount: a thread may hang in the kernel for as long as a disk does, and as long
/// as none of them is inside a call on <c>/dev/fuse</c>, it does not matter.
/// </summary>
internal static class DeviceUse
{
    // read and readv of x86-64 and of arm64. An answer that is on its way counts for nothing: the kernel takes it, or has sent the request again.
    private static readonly HashSet<int> s_calls = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? [63, 65] : [0, 19];

    /// <summary>Whether a thread of a process is inside such a call; null where that is not to be seen.</summary>
    /// <param name="process">Its directory in /proc.</param>
    public static bool? IsInside(string process)
    {
        try
        {
            // Each thread by itself: of a process whose first thread has ended, the process's own files are not shown.
            return Directory.GetDirectories(Path.Combine(process, "task")).Any(static task => IsInside(Read(Path.Combine(task, "syscall")), Devices(task)));
        }
        catch (DirectoryNotFoundException)
        {
            // It has ended meanwhile.
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Whether a line of /proc/PID/task/TID/syscall (proc(5)) tells of a call on one of the descriptors.</summary>
    internal static bool IsInside(string line, IReadOnlySet<string> devices)
    {
        // "running", "-1 SP PC" for a thread that is blocked elsewhere, or the call's number and its arguments, hexadecimal.
        var words = line.Split(' ', StringSplitOptions.TrimEntries);
        if (words[0] == "running")
        {
            return true;
        }

        return int.TryParse(words[0], NumberStyles.Integer, CultureInfo.InvariantCulture, out var call) && s_calls.Contains(call) && words.Length > 1
            && long.TryParse(words[1].AsSpan(words[1].StartsWith("0x", StringComparison.Ordinal) ? 2 : 0), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var descriptor)
            && devices.Contains(descriptor.ToString(CultureInfo.InvariantCulture));
    }

    // By readlink alone: what a descriptor leads to may hang.
    private static HashSet<string> Devices(string task) =>
        Directory.Exists(Path.Combine(task, "fd"))
            ? Directory.EnumerateFileSystemEntries(Path.Combine(task, "fd"))
                .Where(static link => new FileInfo(link).LinkTarget == "/dev/fuse").Select(static link => Path.GetFileName(link)).ToHashSet(StringComparer.Ordinal)
            : [];

    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            // The thread has ended.
            return "-1";
        }
    }
}
