using System.CommandLine;
using NixFuseStore.Cli.Control;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Fuse.Mounting;

namespace NixFuseStore.Cli.Commands;

/// <summary><c>nixfuse unmount</c>: returns when the serving process has put everything away.</summary>
internal static class UnmountCommand
{
    public static Command Create()
    {
        var mountPoint = new Argument<string>("MOUNTPOINT") { Description = "Where it is mounted" };
        var lazy = new Option<bool>("--lazy") { Description = "Also when it is in use: programs that use it get errors from then on" };
        var command = new Command("unmount", "Unmount a store, and wait until its cache is written") { mountPoint, lazy };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed.GetRequiredValue(mountPoint), parsed.GetValue(lazy), parsed.InvocationConfiguration.Output, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string mountPoint, bool lazy, TextWriter output, CancellationToken cancellationToken)
    {
        if (await MountPoints.FindByPathAsync(mountPoint, cancellationToken).ConfigureAwait(false) is not { } mount)
        {
            // No process serves it, or another user's does: what is left is what the kernel has.
            return FuseMount.TryUnmount(mountPoint, lazy)
                ? ExitStatus.Done
                : throw new CliException($"{mountPoint} is in use; end the programs that use it (fuser -vm {mountPoint} shows them), or give --lazy");
        }

        // The replies end when the process has put everything away.
        await foreach (var reply in ControlClient.AskAsync(mount.Socket, new ControlRequest(ControlRequest.Unmount) { Lazy = lazy }, cancellationToken).ConfigureAwait(false))
        {
            if (reply.Progress is { } line)
            {
                await output.WriteLineAsync(line).ConfigureAwait(false);
            }
        }

        return ExitStatus.Done;
    }
}
