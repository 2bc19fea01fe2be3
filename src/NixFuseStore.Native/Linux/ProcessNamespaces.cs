using System.Globalization;

namespace NixFuseStore.Native.Linux;

/// <summary>The namespaces of a process, as /proc names them ("user:[4026531837]"): equal texts are the same namespace.</summary>
/// <param name="User">Users and capabilities.</param>
/// <param name="Pid">Process ids.</param>
/// <param name="Mount">Mounts.</param>
public sealed record ProcessNamespaces(string User, string Pid, string Mount)
{
    private static readonly Lazy<ProcessNamespaces?> OwnNamespaces = new(() => TryRead("self"));

    /// <summary>Those of this process; null where /proc does not say.</summary>
    public static ProcessNamespaces? Own => OwnNamespaces.Value;

    /// <summary>Whether /proc shows the process ids of this process's pid namespace: in a container it may be the host's.</summary>
    internal static bool IsProcOurs =>
        LinkTarget("/proc/self") is { } self && self == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);

    /// <summary>Those of a process; null where it is gone, or this user may not look at it.</summary>
    internal static ProcessNamespaces? TryRead(int processId) => TryRead(processId.ToString(CultureInfo.InvariantCulture));

    private static ProcessNamespaces? TryRead(string process) =>
        LinkTarget($"/proc/{process}/ns/user") is { } user && LinkTarget($"/proc/{process}/ns/pid") is { } pid && LinkTarget($"/proc/{process}/ns/mnt") is { } mount
            ? new ProcessNamespaces(user, pid, mount)
            : null;

    private static string? LinkTarget(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
