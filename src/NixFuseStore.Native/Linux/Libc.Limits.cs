using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Linux;

/// <summary>How many descriptors this process may have.</summary>
public static unsafe partial class Libc
{
    private const int OpenFilesResource = 7; // RLIMIT_NOFILE

    /// <summary>Raises the limit of open files as far as this process may, to at most <paramref name="wanted"/>; never lowers it.</summary>
    /// <returns>The limit that holds now.</returns>
    public static long RaiseOpenFiles(long wanted)
    {
        Limits limits;
        if (Raw.GetLimit(OpenFilesResource, &limits) != 0)
        {
            return wanted;
        }

        var target = Math.Min((ulong)wanted, limits.Hard);
        if (limits.Soft < target)
        {
            var raised = new Limits { Soft = target, Hard = limits.Hard };
            if (Raw.SetLimit(OpenFilesResource, &raised) == 0)
            {
                return (long)target;
            }
        }

        return (long)Math.Min(limits.Soft, long.MaxValue);
    }

    /// <summary>struct rlimit.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Limits
    {
        public ulong Soft;
        public ulong Hard;
    }

    private static partial class Raw
    {
        [LibraryImport(Library, EntryPoint = "getrlimit", SetLastError = true)]
        internal static partial int GetLimit(int resource, Limits* limits);

        [LibraryImport(Library, EntryPoint = "setrlimit", SetLastError = true)]
        internal static partial int SetLimit(int resource, Limits* limits);
    }
}
