using System.Globalization;

namespace NixFuseStore.Cli.Mounting;

/// <summary>Who still sees a mount that was unmounted here: a container, or a service with mounts of its own, has a copy.</summary>
internal static class MountUsers
{
    private const string ProcessDirectory = "/proc";

    /// <summary>A process in whose mount namespace a file system is mounted; null where none is to be seen.</summary>
    /// <param name="deviceNumber">The file system's device, MAJOR:MINOR.</param>
    public static (int ProcessId, string Command)? Find(string deviceNumber)
    {
        HashSet<string> seen = [Namespace($"{ProcessDirectory}/self") ?? ""];
        foreach (var process in Directory.EnumerateDirectories(ProcessDirectory))
        {
            // One process of each namespace is enough.
            if (int.TryParse(Path.GetFileName(process), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                && Namespace(process) is { } space && seen.Add(space)
                && Read(process + "/mountinfo").Split('\n').Any(line => line.Split(' ') is [_, _, var device, ..] && device == deviceNumber))
            {
                return (id, Read(process + "/comm").Trim());
            }
        }

        return null;
    }

    private static string? Namespace(string process)
    {
        try
        {
            return new FileInfo(process + "/ns/mnt").LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // Of a process that has ended, or is another user's, nothing is read.
    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
