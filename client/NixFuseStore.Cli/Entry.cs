using NixFuseStore.Cli.Mounting;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Cli;

/// <summary>Where the process starts, before anything that costs start-up time.</summary>
internal static class Entry
{
    public static Task<int> RunAsync(string[] args)
    {
        // Cache, journal, log and sockets: whatever is made here is this user's, unless it is opened to others afterwards.
        Libc.MakeNewFilesPrivate();
        if (!MountArguments.Takes(args))
        {
            return CommandRunner.RunAsync(args, Console.Out, Console.Error);
        }

        // The worker checks the arguments; until then they only tell which of the three processes this is.
        if (Array.IndexOf(args, MountArguments.WorkerFlag) >= 0)
        {
            return WorkerEntry.RunAsync(args);
        }

        return Task.FromResult(Array.IndexOf(args, "--foreground") >= 0 || Array.IndexOf(args, MountArguments.DetachedFlag) >= 0
            ? SupervisorEntry.Run(args)
            : MountLauncher.Run(args, Console.Error));
    }
}
