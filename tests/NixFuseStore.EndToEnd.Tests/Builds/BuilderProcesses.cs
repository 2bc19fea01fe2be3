using System.Globalization;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.Builds;

/// <summary>
/// The processes of builders as the host sees them. They are known by the salt in their environment, which every process that a builder
/// starts has too.
/// </summary>
internal static class BuilderProcesses
{
    /// <summary>How soon they have to be gone once nobody waits for them.</summary>
    private static readonly TimeSpan EndsWithin = TimeSpan.FromSeconds(15);

    public static int[] Of(string salt) => Directory.EnumerateDirectories("/proc")
        .Select(folder => int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : 0)
        .Where(id => id != 0 && Read(id, "environ").Split('\0').Contains("salt=" + salt)).ToArray();

    /// <summary>Waits until a builder has started its processes, or until the command that wants it has ended.</summary>
    public static int[] WaitFor(string salt, int count, Func<bool> hasEnded)
    {
        int[] found = [];
        Eventually.Holds("the builder runs", () => (found = Of(salt)).Length >= count || hasEnded());
        return found;
    }

    public static void AssertGone(string salt) =>
        Eventually.Within(EndsWithin, "the builder's processes are gone", () => Of(salt).Length == 0);

    /// <summary>The user of a process, by the host's ids; null where it has ended.</summary>
    public static int? HostUser(int id)
    {
        var line = Read(id, "status").Split('\n').FirstOrDefault(static line => line.StartsWith("Uid:", StringComparison.Ordinal));
        return line is null ? null : int.Parse(line.Split('\t')[1], CultureInfo.InvariantCulture);
    }

    // Empty where the process has ended meanwhile.
    private static string Read(int id, string file)
    {
        try
        {
            return File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/{file}"));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
