using System.Globalization;

namespace NixFuseStore.Supervisor.Workers;

/// <summary>
/// Whether a process that cannot be ended still takes part in a mount: a thread may hang in the kernel for as long as a disk does, and as long
/// as none of them is inside a call on <c>/dev/fuse</c>, it does not matter.
/// </summary>
internal static class DeviceUse
{
    // System calls by which a worker reads requests and writes answers: read, write, readv, writev (x86-64), and the same of arm64.
    private static readonly HashSet<int> s_calls = OperatingSystem.IsLinux() && System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64
        ? [63, 64, 65, 66]
        : [0, 1, 19, 20];

    /// <summary>Whether a thread of a process is inside such a call, or may be.</summary>
    /// <param name="process">Its directory in /proc.</param>
    public static bool IsInside(string process)
    {
        try
        {
            var devices = Directory.GetFiles(Path.Combine(process, "fd"))
                .Where(static link => new FileInfo(link).LinkTarget == "/dev/fuse").Select(static link => Path.GetFileName(link)).ToHashSet(StringComparer.Ordinal);
            return Directory.GetDirectories(Path.Combine(process, "task")).Any(task => IsInside(Read(Path.Combine(task, "syscall")), devices));
        }
        catch (DirectoryNotFoundException)
        {
            // It has ended meanwhile.
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not to be seen.
            return true;
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

    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (FileNotFoundException)
        {
            // The thread has ended.
            return "-1";
        }
    }
}
