using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace NixFuseStore.MountBenchmarks;

/// <summary>Loops over files by plain system calls, so that the runtime's own cost is small beside the kernel's.</summary>
internal static unsafe partial class FileLoops
{
    private const int BufferBytes = 1 << 20;

    /// <summary>Paths of every file, folder and link below a folder, relative to it.</summary>
    public static string[] List(string folder) =>
        [.. Directory.EnumerateFileSystemEntries(folder, "*", Everything)
            .Where(path => !path.Contains("/.links", StringComparison.Ordinal))
            .Select(path => Path.GetRelativePath(folder, path)).Order(StringComparer.Ordinal)];

    public static string[] Below(string folder, IEnumerable<string> roots) =>
        [.. roots.SelectMany(root => Directory.Exists(Path.Combine(folder, root))
            ? List(Path.Combine(folder, root)).Select(path => Path.Combine(root, path)).Append(root)
            : [root])];

    /// <summary>lstat calls a second.</summary>
    public static double StatRate(string folder, string[] paths, int rounds)
    {
        var names = Names(folder, paths);
        var status = stackalloc byte[512];
        var started = Stopwatch.GetTimestamp();
        for (var round = 0; round < rounds; round++)
        {
            foreach (var name in names)
            {
                fixed (byte* pointer = name)
                {
                    // statx's basic fields without following a link: what lstat is.
                    if (statx(-100, pointer, 0x100, 0x7ff, status) != 0)
                    {
                        throw new BenchmarkException($"cannot stat {Encoding.UTF8.GetString(name)}: {Marshal.GetLastPInvokeErrorMessage()}");
                    }
                }
            }
        }

        return (double)names.Length * rounds / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>Files a second that are opened, read to their end, and closed.</summary>
    public static double OpenReadCloseRate(string folder, string[] paths, int rounds)
    {
        var names = Names(folder, paths);
        var started = Stopwatch.GetTimestamp();
        for (var round = 0; round < rounds; round++)
        {
            foreach (var name in names)
            {
                ReadWhole(name);
            }
        }

        return (double)names.Length * rounds / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>MiB a second of reading one file in order.</summary>
    public static double SequentialRate(string file, int rounds)
    {
        var name = Names("", [file])[0];
        long bytes = 0;
        var started = Stopwatch.GetTimestamp();
        for (var round = 0; round < rounds; round++)
        {
            bytes += ReadWhole(name);
        }

        return bytes / 1048576.0 / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static readonly EnumerationOptions Everything = new()
    {
        RecurseSubdirectories = true, AttributesToSkip = 0, ReturnSpecialDirectories = false,
    };

    [ThreadStatic]
    private static byte[]? _buffer;

    private static long ReadWhole(byte[] name)
    {
        _buffer ??= GC.AllocateUninitializedArray<byte>(BufferBytes, pinned: true);
        long total = 0;
        fixed (byte* pointer = name, buffer = _buffer)
        {
            var descriptor = open(pointer, 0x80000);
            if (descriptor < 0)
            {
                throw new BenchmarkException($"cannot open {Encoding.UTF8.GetString(name)}: {Marshal.GetLastPInvokeErrorMessage()}");
            }

            nint count;
            while ((count = read(descriptor, buffer, BufferBytes)) > 0)
            {
                total += count;
            }

            _ = close(descriptor);
            if (count < 0)
            {
                throw new BenchmarkException($"cannot read {Encoding.UTF8.GetString(name)}");
            }
        }

        return total;
    }

    private static byte[][] Names(string folder, string[] paths) =>
        [.. paths.Select(path => Encoding.UTF8.GetBytes(Path.Combine(folder, path) + "\0"))];

    [LibraryImport("libc", SetLastError = true)]
    private static partial int statx(int directory, byte* path, int flags, uint mask, byte* result);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int open(byte* path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint read(int descriptor, byte* buffer, nint count);

    [LibraryImport("libc")]
    private static partial int close(int descriptor);
}
