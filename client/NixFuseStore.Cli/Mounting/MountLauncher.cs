using System.Globalization;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Cli.Mounting;

/// <summary>
/// The process that the user starts: it starts another that serves the mount, waits for its word, and goes. Nothing heavy may be
/// touched here: this is the first half of the time that a job waits for its mount.
/// </summary>
internal static class MountLauncher
{
    public static int Run(string[] args, TextWriter error)
    {
        // 1. Ourselves again, with the flag that says who waits.
        var program = Environment.ProcessPath ?? "/proc/self/exe";
        var arguments = new List<string>();
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
        {
            arguments.Add(Path.Join(AppContext.BaseDirectory, "nixfuse.dll"));
        }

        // Directly behind the command: behind "--" it would be taken for a mount point.
        arguments.Add(args[0]);
        arguments.Add(MountArguments.DetachedFlag);
        arguments.AddRange(args.AsSpan(1));

        var (reader, writer) = Libc.CreatePipe();
        using var standardError = new Microsoft.Win32.SafeHandles.SafeFileHandle(2, ownsHandle: false);
        var outcome = Libc.Spawn(program, [.. arguments], variable: null, inherited: writer, errors: standardError, out var process);
        writer.Dispose();
        if (outcome != Errno.None)
        {
            reader.Dispose();
            error.WriteLine($"nixfuse: cannot start {program} in the background: {LinuxException.Describe(outcome)}");
            return CommandRunner.ExitFailed;
        }

        // 2. Its word.
        using var lines = new StreamReader(new FileStream(reader, FileAccess.Read, bufferSize: 0));
        while (lines.ReadLine() is { } line)
        {
            if (line == ReadyPipe.ReadyWord)
            {
                return CommandRunner.ExitDone;
            }

            if (line.StartsWith(ReadyPipe.NoteWord, StringComparison.Ordinal))
            {
                error.WriteLine("nixfuse: " + line[ReadyPipe.NoteWord.Length..]);
            }
            else if (line.StartsWith(ReadyPipe.FailedWord, StringComparison.Ordinal))
            {
                var parts = line.Split(' ', 3);
                error.WriteLine("nixfuse: " + parts[2]);
                return int.Parse(parts[1], CultureInfo.InvariantCulture);
            }
        }

        // 3. None: it died.
        error.WriteLine($"nixfuse: the process that was to serve the mount ended with status {Libc.WaitForExit(process)} without a word");
        return CommandRunner.ExitFailed;
    }
}
