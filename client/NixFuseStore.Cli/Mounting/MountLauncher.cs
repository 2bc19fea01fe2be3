using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Cli.Mounting;

/// <summary>
/// The process that the user starts: it starts the supervisor of the mount, waits for its word, and goes. Nothing heavy may be
/// touched here: this is a part of the time that a job waits for its mount.
/// </summary>
internal static class MountLauncher
{
    private const int WordBytesMax = 64 << 10;

    /// <summary>Every step of a start has a shorter deadline of its own; this is for those that the kernel holds.</summary>
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(90);

    public static int Run(string[] args, TextWriter error)
    {
        // 1. Ourselves again, with the flag that says who waits.
        var (program, arguments) = OwnProgram.With(args, MountArguments.DetachedFlag);
        return Launch(program, arguments, SilenceMax, error);
    }

    /// <summary>Starts the process that serves, and waits for its word.</summary>
    /// <returns>The exit status for the user; none of the waiting is without an end.</returns>
    internal static int Launch(string program, IReadOnlyList<string> arguments, TimeSpan silenceMax, TextWriter error)
    {
        var (reader, writer) = Libc.CreatePipe();
        using var standardError = new SafeFileHandle(2, ownsHandle: false);
        var outcome = Libc.Spawn(program, [.. arguments], variable: null, inherited: writer, errors: standardError, out var process);
        writer.Dispose();
        if (outcome != Errno.None)
        {
            reader.Dispose();
            error.WriteLine($"nixfuse: cannot start {program} in the background: {LinuxException.Describe(outcome)}");
            return ExitStatus.Failed;
        }

        // 2. Its word.
        using (reader)
        {
            return WaitForWord(reader, process, silenceMax, error);
        }
    }

    private static int WaitForWord(SafeFileHandle pipe, int process, TimeSpan silenceMax, TextWriter error)
    {
        var bytes = new byte[WordBytesMax];
        var length = 0;
        while (true)
        {
            // 1. Lines that are whole.
            int end;
            while ((end = bytes.AsSpan(0, length).IndexOf((byte)'\n')) >= 0)
            {
                var line = Encoding.UTF8.GetString(bytes, 0, end);
                length -= end + 1;
                bytes.AsSpan(end + 1, length).CopyTo(bytes);
                if (Understand(line, error) is { } status)
                {
                    return status;
                }
            }

            // 2. More of them.
            var outcome = Libc.ReadWithin(pipe, bytes.AsSpan(length), silenceMax, out var read);
            if (outcome == Errno.ETIMEDOUT)
            {
                Libc.EndProcess(process);
                error.WriteLine($"nixfuse: the process that was to serve the mount has said nothing for {silenceMax.TotalSeconds:0} s, and was ended; nixfuse mount --foreground shows what it does");
                return ExitStatus.Failed;
            }

            if (outcome != Errno.None || read == 0)
            {
                // 3. None: it died.
                if (Libc.WaitForExit(process, silenceMax) is { } status)
                {
                    error.WriteLine($"nixfuse: the process that was to serve the mount ended with status {status.ToString(CultureInfo.InvariantCulture)} without a word");
                }
                else
                {
                    Libc.EndProcess(process);
                    error.WriteLine("nixfuse: the process that was to serve the mount hung at its end without a word, and was ended");
                }

                return ExitStatus.Failed;
            }

            length += read;
        }
    }

    private static int? Understand(string line, TextWriter error)
    {
        if (line == ReadyPipe.ReadyWord)
        {
            return ExitStatus.Done;
        }

        if (line.StartsWith(ReadyPipe.NoteWord, StringComparison.Ordinal))
        {
            error.WriteLine("nixfuse: " + line[ReadyPipe.NoteWord.Length..]);
            return null;
        }

        if (line.StartsWith(ReadyPipe.FailedWord, StringComparison.Ordinal) && line.Split(' ', 3) is [_, var status, var text])
        {
            error.WriteLine("nixfuse: " + text);
            return int.Parse(status, CultureInfo.InvariantCulture);
        }

        return null;
    }
}
