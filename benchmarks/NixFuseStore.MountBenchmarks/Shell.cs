using System.Diagnostics;

namespace NixFuseStore.MountBenchmarks;

/// <summary>Runs programs and waits for them, with a deadline.</summary>
internal static class Shell
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(5);

    /// <summary>Runs a program to its end; throws with its output where it fails.</summary>
    public static string Run(string program, params string[] arguments) => Run(program, arguments, environment: null);

    public static string Run(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment)
    {
        using var process = Start(program, arguments, environment, capture: true);
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Deadline))
        {
            process.Kill(entireProcessTree: true);
            throw new BenchmarkException($"{program} {string.Join(' ', arguments)}: not done after {Deadline.TotalMinutes} minutes");
        }

        if (process.ExitCode != 0)
        {
            throw new BenchmarkException(
                $"{program} {string.Join(' ', arguments)}: exit status {process.ExitCode}: {Tail(errors.Result + output.Result)}");
        }

        return output.Result;
    }

    /// <summary>Seconds that a program takes.</summary>
    public static double Time(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var started = Stopwatch.GetTimestamp();
        Run(program, arguments, environment);
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>Starts a program that goes on; the caller ends and disposes it.</summary>
    public static Process Start(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, bool capture = false)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = capture,
            RedirectStandardError = capture,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    /// <summary>Where a program lies that an administrator can run, or null.</summary>
    public static string? Find(string program) =>
        $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin".Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    /// <summary>Empties the kernel's caches of pages, entries and inodes.</summary>
    public static void DropCaches()
    {
        Run("sync");
        File.WriteAllText("/proc/sys/vm/drop_caches", "3");
    }

    /// <summary>Waits until something is so; throws when it is not in time.</summary>
    public static void Await(string what, Func<bool> condition, int seconds = 30)
    {
        var started = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(started).TotalSeconds > seconds)
            {
                throw new BenchmarkException($"{what}: not after {seconds} s");
            }

            Thread.Sleep(20);
        }
    }

    private static string Tail(string text) => text.Length <= 1500 ? text : text[^1500..];
}
