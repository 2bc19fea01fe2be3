using System.Buffers.Text;
using System.Globalization;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Requests;

/// <summary>What the kernel tells of a thread that waits for an answer.</summary>
internal static class CallerThread
{
    // SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG and SIGWINCH: all others end a program that does not deal with them, signal(7).
    private static readonly ulong Harmless = Mark(17) | Mark(18) | Mark(19) | Mark(20) | Mark(21) | Mark(22) | Mark(23) | Mark(28);

    /// <summary>
    /// Whether a signal is pending for a thread that will end it: one that it neither catches nor ignores nor blocks. (The kernel marks a
    /// dying thread with a SIGKILL, but not where another signal was pending before.)
    /// </summary>
    /// <param name="threadId">As in <see cref="FuseCaller.ProcessId"/>; of one that cannot be seen (0) nothing is known, so it lives.</param>
    public static bool IsEnding(uint threadId)
    {
        if (threadId == 0)
        {
            return false;
        }

        try
        {
            return IsEnding(File.ReadAllBytes(string.Create(CultureInfo.InvariantCulture, $"/proc/{threadId}/status")));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException || (e is IOException && e.HResult == (int)Errno.ESRCH))
        {
            return true; // gone
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // hidden from an ordinary user's mount, or this process is out of descriptors
        }
    }

    /// <summary>Reads the masks of a status file, proc(5).</summary>
    internal static bool IsEnding(ReadOnlySpan<byte> status)
    {
        var pending = Mask(status, "\nSigPnd:\t"u8) | Mask(status, "\nShdPnd:\t"u8);
        var dealtWith = Mask(status, "\nSigBlk:\t"u8) | Mask(status, "\nSigIgn:\t"u8) | Mask(status, "\nSigCgt:\t"u8);
        return (pending & ~dealtWith & ~Harmless) != 0;
    }

    private static ulong Mask(ReadOnlySpan<byte> status, ReadOnlySpan<byte> name)
    {
        var start = status.IndexOf(name);
        return start >= 0 && Utf8Parser.TryParse(status[(start + name.Length)..], out ulong mask, out _, 'x') ? mask : 0;
    }

    private static ulong Mark(int signal) => 1ul << (signal - 1);
}
