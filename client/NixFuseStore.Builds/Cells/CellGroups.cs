using System.Globalization;
using System.Text;

namespace NixFuseStore.Builds.Cells;

/// <summary>
/// The control groups of one cell: what runs in it shares memory, processes and processor time as one. Their names stand in a file of the cell,
/// which the first process there reads to enter them.
/// </summary>
internal sealed class CellGroups
{
    /// <summary>The file in the cell's directory.</summary>
    internal const string FileName = "cgroups";

    private const string Prefix = "nixfuse-";

    /// <summary>Against 1024 (v1) and 100 (v2) of everything else: jobs come first.</summary>
    private const int SharesOfProcessor = 512;
    private const int WeightOfProcessor = 50;

    private static readonly string[] s_controllers = ["memory", "pids", "cpu"];

    /// <summary>A group that is empty for so long was left behind.</summary>
    private static readonly TimeSpan s_oldAfter = TimeSpan.FromHours(1);

    /// <summary>How long a group is waited for whose last process has just ended.</summary>
    private static readonly TimeSpan s_emptyPatience = TimeSpan.FromSeconds(2);

    private readonly CellLimits _limits;
    private readonly string[] _directories;

    private CellGroups(CellLimits limits, string[] directories)
    {
        _limits = limits;
        _directories = directories;
    }

    /// <summary>Makes those that this host allows; null where it allows none.</summary>
    /// <param name="cell">The cell's directory, whose name they take.</param>
    /// <param name="limits">The limits.</param>
    internal static CellGroups? Create(string cell, CellLimits limits)
    {
        string name = Prefix + Path.GetFileName(cell);
        string[] made =
        [
            .. new[]
            {
                Make("memory", name, ("memory.limit_in_bytes", limits.MemoryBytes), ("memory.max", limits.MemoryBytes)),
                Make("pids", name, ("pids.max", limits.Processes), ("pids.max", limits.Processes)),
                Make("cpu", name, ("cpu.shares", SharesOfProcessor), ("cpu.weight", WeightOfProcessor)),
            }.OfType<string>().Distinct(StringComparer.Ordinal),
        ];
        if (made.Length == 0)
        {
            return null;
        }

        try
        {
            File.WriteAllLines(Path.Combine(cell, FileName), made);
            return new CellGroups(limits, made);
        }
        catch
        {
            // No later start would find them.
            Array.ForEach(made, static directory => RemoveEmpty(directory, static _ => { }));
            throw;
        }
    }

    /// <summary>What a build has met, as a line for who reads its log; null where it has met nothing. Before they are removed.</summary>
    internal string? Describe()
    {
        if (_directories.Any(static directory => Count(directory, "oom_kill", "memory.oom_control", "memory.events") > 0))
        {
            return string.Create(CultureInfo.InvariantCulture, $"(it has taken all of the {_limits.MemoryBytes >> 20} MiB that a build may take, so that a process of it was ended; nixfuse mount --build-memory sets that)");
        }

        return _directories.Any(static directory => Count(directory, "max", "pids.events") > 0)
            ? string.Create(CultureInfo.InvariantCulture, $"(it has reached the {_limits.Processes} processes that a build may have; nixfuse mount --build-processes sets that)")
            : null;
    }

    /// <summary>Removes those of a cell in which nothing runs any more. Does not fail.</summary>
    /// <param name="cell">The cell's directory.</param>
    /// <param name="notice">Told in one line what stays behind.</param>
    internal static void Remove(string cell, Action<string> notice)
    {
        string file = Path.Combine(cell, FileName);
        foreach (string directory in File.Exists(file) ? File.ReadAllLines(file) : [])
        {
            // The name proves that it is ours.
            if (Path.GetFileName(directory) == Prefix + Path.GetFileName(cell))
            {
                RemoveEmpty(directory, notice);
            }
        }
    }

    /// <summary>Removes groups that a start before has found empty, whatever directory their cells lay in. Does not fail.</summary>
    /// <param name="seenFile">Where the empty ones are noted for a later start. The kernel keeps no age of a group, and one that is empty now may be entered in a moment.</param>
    internal static void RemoveOld(string seenFile) => RemoveOld(
        seenFile,
        s_controllers.SelectMany(static controller => ControlGroupTree.Find(controller, Read("/proc/self/mountinfo"), Read("/proc/self/cgroup"))).Select(static tree => tree.Directory));

    /// <summary>Removes such groups below some directories.</summary>
    internal static void RemoveOld(string seenFile, IEnumerable<string> parents)
    {
        try
        {
            bool isOld = File.Exists(seenFile) && DateTime.UtcNow - File.GetLastWriteTimeUtc(seenFile) > s_oldAfter;
            var seen = isOld ? File.ReadAllLines(seenFile).ToHashSet(StringComparer.Ordinal) : [];
            List<string> empty = [];
            foreach (var group in parents.Distinct(StringComparer.Ordinal).Where(Directory.Exists).SelectMany(static parent => new DirectoryInfo(parent).EnumerateDirectories(Prefix + "*")))
            {
                if (CellSweep.IsName(group.Name[Prefix.Length..]) && Read(Path.Combine(group.FullName, "cgroup.procs")).Length == 0
                    && !(seen.Contains(group.FullName) && TryRemove(group.FullName)))
                {
                    empty.Add(group.FullName);
                }
            }

            if (isOld || !File.Exists(seenFile))
            {
                File.WriteAllLines(seenFile, empty);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next start tries it again.
        }
    }

    private static bool TryRemove(string group)
    {
        try
        {
            Directory.Delete(group);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static void RemoveEmpty(string directory, Action<string> notice)
    {
        long start = Environment.TickCount64;
        while (Directory.Exists(directory))
        {
            try
            {
                Directory.Delete(directory);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                if (Environment.TickCount64 - start > s_emptyPatience.TotalMilliseconds)
                {
                    notice($"the control group {directory} stays behind: {e.Message}");
                    return;
                }

                Thread.Sleep(10);
            }
        }
    }

    private static string? Make(string controller, string name, (string File, long Value) first, (string File, long Value) unified)
    {
        foreach (var tree in ControlGroupTree.Find(controller, Read("/proc/self/mountinfo"), Read("/proc/self/cgroup")))
        {
            var (file, value) = tree.IsUnified ? unified : first;
            string directory = Path.Combine(tree.Directory, name);
            bool isNew = !Directory.Exists(directory);
            try
            {
                if (tree.IsUnified)
                {
                    TryWrite(Path.Combine(tree.Directory, "cgroup.subtree_control"), "+" + controller);
                }

                Directory.CreateDirectory(directory);
                if (File.Exists(Path.Combine(directory, file)) && TryWrite(Path.Combine(directory, file), value.ToString(CultureInfo.InvariantCulture)))
                {
                    return directory;
                }

                if (isNew)
                {
                    Directory.Delete(directory);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Another may allow it.
            }
        }

        return null;
    }

    private static bool TryWrite(string file, string text)
    {
        try
        {
            using var handle = File.OpenHandle(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            RandomAccess.Write(handle, Encoding.ASCII.GetBytes(text), 0);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // Of lines NAME VALUE.
    private static long Count(string directory, string name, params ReadOnlySpan<string> files)
    {
        foreach (string file in files)
        {
            foreach (string line in Read(Path.Combine(directory, file)).Split('\n'))
            {
                if (line.Split(' ') is [var found, var value] && found == name && long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long count))
                {
                    return count;
                }
            }
        }

        return 0;
    }

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

/// <summary>What one build may take of its host.</summary>
/// <param name="MemoryBytes">Memory of all its processes; what goes beyond it ends one of them.</param>
/// <param name="Processes">Processes and threads at a time; more are refused.</param>
public sealed record CellLimits(long MemoryBytes, int Processes)
{
    /// <summary>So much that hardly a build needs more, and so little that the host goes on.</summary>
    public static CellLimits Default { get; } = new(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 10 * 9, 10_000);
}
