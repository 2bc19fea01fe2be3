using System.Diagnostics;
using System.Globalization;

namespace NixFuseStore.Builds.Cells;

/// <summary>A cell's note of the process that runs in it, for a next start: its number, and when it started, which together name one process.</summary>
internal static class CellProcessFile
{
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(10);

    /// <summary>Notes a process.</summary>
    internal static void Write(string directory, int process) =>
        File.WriteAllText(FileOf(directory), string.Create(CultureInfo.InvariantCulture, $"{process} {StartOf(process)}"));

    /// <summary>Ends what was noted, if it still runs, and waits for that.</summary>
    /// <returns>Whether the cell may be cleared away; not where nothing was ever noted but a directory kept for a user.</returns>
    internal static bool KillLeftOver(string directory)
    {
        if (!File.Exists(FileOf(directory)))
        {
            // A cell that was not yet full when its process was killed has its registration or its users; one that was kept has neither.
            return File.Exists(Path.Combine(directory, "passwd")) || !Directory.EnumerateDirectories(directory).Any();
        }

        string[] parts = File.ReadAllText(FileOf(directory)).Split(' ');
        if (parts is [var number, var start]
            && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int process)
            && StartOf(process) is { } running && running == start)
        {
            Kill(process);
            var patience = Stopwatch.StartNew();
            while (StartOf(process) == start && patience.Elapsed < EndPatience)
            {
                Thread.Sleep(20);
            }
        }

        return true;
    }

    /// <summary>Ends the first process of the cell, and with it all others in it: the kernel sees to that, and its parent waits for it.</summary>
    /// <param name="process">The parent of the first, outside of the cell.</param>
    internal static void Kill(int process)
    {
        try
        {
            string children = File.ReadAllText($"/proc/{process}/task/{process}/children");
            string[] ids = children.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            foreach (string id in ids.Length > 0 ? ids : [process.ToString(CultureInfo.InvariantCulture)])
            {
                using var target = Process.GetProcessById(int.Parse(id, CultureInfo.InvariantCulture));
                target.Kill();
            }
        }
        catch (Exception e) when (e is IOException or ArgumentException or InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            // It has ended.
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
