using NixFuseStore.Cli.Errors;
using NixFuseStore.Native;

namespace NixFuseStore.Cli.Mounting;

/// <summary>The process that serves a mount, from its arguments to its exit status; <see cref="MountHost"/> does the work.</summary>
internal static class MountEntry
{
    public static async Task<int> RunAsync(string[] args)
    {
        using var word = Array.IndexOf(args, MountArguments.DetachedFlag) >= 0 ? ReadyPipe.OpenInherited() : null;
        try
        {
            // Relocating libcrypto takes longer than all that can be done meanwhile.
            var libraries = Task.Run(SystemLibraries.Require);
            var settings = MountArguments.Parse(args.AsSpan(1));
            await using var host = await MountHost.StartAsync(settings, libraries, Note).ConfigureAwait(false);
            if (word is not null)
            {
                host.Detach();
                await word.WriteLineAsync(ReadyPipe.ReadyWord).ConfigureAwait(false);
                await word.DisposeAsync().ConfigureAwait(false);
            }

            return await host.RunAsync().ConfigureAwait(false);
        }
        catch (UsageException e)
        {
            return Fail(ExitStatus.Usage, e.Message);
        }
#pragma warning disable CA1031 // the end of the line for every failure: whatever it is, the user gets one line
        catch (Exception e)
#pragma warning restore CA1031
        {
            return Fail(ExitStatus.Failed, ErrorLine.Describe(e));
        }

        void Note(string text)
        {
            if (word is null)
            {
                Console.Error.WriteLine("nixfuse: " + text);
            }
            else
            {
                word.WriteLine(ReadyPipe.NoteWord + text);
            }
        }

        int Fail(int status, string text)
        {
            // After the ready word the pipe is closed, and the log is where errors go.
            if (word is { BaseStream: { CanWrite: true } })
            {
                word.WriteLine($"{ReadyPipe.FailedWord}{status} {text}");
            }
            else
            {
                Console.Error.WriteLine("nixfuse: " + text);
            }

            return status;
        }
    }
}
