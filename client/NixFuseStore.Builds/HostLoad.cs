using System.Globalization;

namespace NixFuseStore.Builds;

/// <summary>What a host has left for builds that other hosts want.</summary>
/// <param name="Runnable">Processes that run or wait for a processor or a disk, the mean of a minute, for each processor.</param>
/// <param name="MemoryStall">Percent of the last ten seconds in which some process waited for memory; 0 where the kernel does not tell.</param>
/// <param name="MemoryAvailable">The part of the memory that is available, 0 to 1.</param>
/// <param name="DiskFree">Bytes that are free where builds lie.</param>
internal sealed record HostLoad(double Runnable, double MemoryStall, double MemoryAvailable, long DiskFree)
{
    private const double RunnableMax = 8;
    private const double MemoryStallMax = 20;
    private const double MemoryAvailableMin = 0.05;
    private const long DiskFreeMin = 1L << 30;

    /// <summary>Whether another build is no harm to those that run.</summary>
    internal bool HasRoom =>
        Runnable < RunnableMax && MemoryStall < MemoryStallMax && MemoryAvailable > MemoryAvailableMin && DiskFree > DiskFreeMin;

    /// <summary>That of this host, now. What cannot be read counts as no load.</summary>
    /// <param name="directory">Where builds lie.</param>
    internal static HostLoad Read(string directory) => new(
        Parse(FirstWord(ReadFile("/proc/loadavg"))) / Environment.ProcessorCount,
        Parse(Value(ReadFile("/proc/pressure/memory"), "some avg10=")),
        ReadMemory(),
        ReadDisk(directory));

    private static double ReadMemory()
    {
        string text = ReadFile("/proc/meminfo");
        double total = Parse(Value(text, "MemTotal:"));
        return total > 0 ? Parse(Value(text, "MemAvailable:")) / total : 1;
    }

    private static long ReadDisk(string directory)
    {
        try
        {
            return new DriveInfo(directory).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return long.MaxValue;
        }
    }

    private static string ReadFile(string file)
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

    private static string Value(string text, string name)
    {
        int start = text.IndexOf(name, StringComparison.Ordinal);
        return start < 0 ? "" : FirstWord(text[(start + name.Length)..].TrimStart(' '));
    }

    private static string FirstWord(string text) => text.Split([' ', '\n'], 2)[0];

    private static double Parse(string number) => double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : 0;
}
