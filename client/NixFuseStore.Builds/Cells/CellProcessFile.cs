using System.Diagnostics;
using System.Globalization;

namespace NixFuseStore.Builds.Cells;

/// <summary>A cell's note of the process that runs in it, for a next start: its number, and when it started, which together name one process.</summary>
internal static class CellProcessFile
{
    /// <summary>How long the parent may take to see that the first process has ended; it may have been stopped.</summary>
    internal static readonly TimeSpan ParentPatience = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(10);

    /// <summary>Notes a process.</summary>
    internal static void Write(string directory, int process) =>
        File.WriteAllText(FileOf(directory), string.Create(CultureInfo.InvariantCulture, $"{process} {StartOf(process)}"));

    /// <summary>Ends what was noted, if it still runs, and waits for that.</summary>
    /// <returns>Whether nothing runs there any more.</returns>
    internal static bool TryKillLeftOver(string directory, Action<string> notice)
    {
        if (!File.Exists(FileOf(directory))
            || File.ReadAllText(FileOf(directory)).Split(' ') is not [var number, var start]
            || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int process))
        {
            return true;
        }

        var patience = Stopwatch.StartNew();
        while (StartOf(process) == start)
        {
            if (patience.Elapsed > EndPatience)
            {
                notice($"process {process}, which builds in {directory}, does not end");
                return false;
            }

            Kill(process, alsoParent: patience.Elapsed > ParentPatience);
            Thread.Sleep(20);
        }

        return true;
    }

    /// <summary>Ends the first process of the cell, and with it all others in it: the kernel sees to that, and its parent waits for it.</summary>
    /// <param name="process">The parent of the first, outside of the cell.</param>
    /// <param name="alsoParent">Ends the parent as well, and with it the first process; that the others have ended is not certain then.</param>
    internal static void Kill(int process, bool alsoParent)
    {
        foreach (int target in alsoParent ? [.. ChildrenOf(process), process] : ChildrenOf(process) is { Count: > 0 } children ? children : [process])
        {
            try
            {
                using var running = Process.GetProcessById(target);
                running.Kill();
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException or System.ComponentModel.Win32Exception)
            {
                // It has ended.
            }
        }
    }

    // None, too, where the kernel does not tell.
    private static List<int> ChildrenOf(int process)
    {
        try
        {
            return [.. File.ReadAllText($"/proc/{process}/task/{process}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Select(static id => int.Parse(id, CultureInfo.InvariantCulture))];
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static string FileOf(string directory) => Path.Combine(directory, "process");

    // The 22nd field, of which the second may hold anything in parentheses. Null where there is no such process.
    private static string? StartOf(int process)
    {
        try
        {
            string status = File.ReadAllText($"/proc/{process}/stat");
            return status[(status.LastIndexOf(')') + 2)..].Split(' ')[19];
        }
        catch (IOException)
        {
            return null;
        }
    }
}
