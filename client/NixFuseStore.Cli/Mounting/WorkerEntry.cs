using NixFuseStore.Cli.Errors;
using NixFuseStore.Native;
using NixFuseStore.Native.Linux;
using NixFuseStore.Supervisor;

namespace NixFuseStore.Cli.Mounting;

/// <summary>The process that serves a mount, from its arguments to its exit status; <see cref="MountHost"/> does the work.</summary>
internal static class WorkerEntry
{
    public static async Task<int> RunAsync(string[] args)
    {
        // Relocating libcrypto takes longer than all that can be done meanwhile.
        var libraries = Task.Run(SystemLibraries.Require);
        await using var log = new MountLog();
        using var channel = Libc.TakeInherited();
        SupervisorLink link;
        try
        {
            link = SupervisorLink.Open(channel, SupervisorEntry.Starter(MountArguments.WithAbsolutePaths(args), MountArguments.AdoptFlag), log.Write);
        }
        catch (InvalidDataException e)
        {
            log.Write(e.Message);
            return ExitStatus.Failed;
        }

        using var linked = link;
        try
        {
            var settings = MountArguments.Parse(args.AsSpan(1), isResumed: link.Resumed is not null, link.Note);
            var host = await MountHost.StartAsync(settings, libraries, link, log).ConfigureAwait(false);
            if (await host.RunAsync().ConfigureAwait(false) is not { } status)
            {
                // Not the end of the mount: the next process serves it, and finds everything as a crash leaves it.
                return ExitStatus.Failed;
            }

            await host.DisposeAsync().ConfigureAwait(false);
            link.End(status);
            return status;
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

        int Fail(int status, string text)
        {
            link.Fail(status, text);
            return status;
        }
    }
}
