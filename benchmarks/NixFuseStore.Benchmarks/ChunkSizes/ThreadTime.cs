using System.Runtime.InteropServices;

namespace NixFuseStore.Benchmarks.ChunkSizes;

/// <summary>CPU time of the calling thread, which other work on the machine does not lengthen.</summary>
internal static partial class ThreadTime
{
    private const int ClockThreadCpuTimeId = 3; // CLOCK_THREAD_CPUTIME_ID

    public static double Seconds => clock_gettime(ClockThreadCpuTimeId, out var time) == 0
        ? time.Seconds + (time.Nanoseconds / 1e9)
        : throw new InvalidOperationException("clock_gettime failed.");

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int clock_gettime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec // timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
