using System.CommandLine;
using System.Net.Sockets;
using NixFuseStore.Cli.Control;
using NixFuseStore.Cli.Errors;

namespace NixFuseStore.Cli.Commands;

/// <summary><c>nixfuse upgrade</c>: this program takes over mounts that another version of it serves; what is open stays open.</summary>
internal static class UpgradeCommand
{
    private static readonly TimeSpan TakeoverMax = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(50);

    public static Command Create()
    {
        var mountPoint = new Argument<string?>("MOUNTPOINT") { Description = "Where it is mounted (default: all mounts)", Arity = ArgumentArity.ZeroOrOne };
        var program = new Option<string>("--program") { Description = "Another nixfuse than this one", HelpName = "FILE" };
        var command = new Command("upgrade", "Have this version of nixfuse serve a mount, without unmounting it") { mountPoint, program };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed.GetValue(mountPoint),
            parsed.GetValue(program) is { } other ? Path.GetFullPath(other) : Environment.ProcessPath!,
            parsed.InvocationConfiguration.Output,
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string? mountPoint, string program, TextWriter output, CancellationToken cancellationToken)
    {
        var mounts = mountPoint is null
            ? await ControlClient.FindMountsAsync(cancellationToken).ConfigureAwait(false)
            : await MountPoints.FindByPathAsync(mountPoint, cancellationToken).ConfigureAwait(false) is { } one ? [one] : [];
        if (mounts.Count == 0)
        {
            throw new CliException(mountPoint is null ? "nothing is mounted" : $"no process serves a mount at {mountPoint}");
        }

        string? failure = null;
        foreach (var (socket, before) in mounts)
        {
            try
            {
                var after = await UpgradeAsync(socket, before, program, cancellationToken).ConfigureAwait(false);
                await output.WriteLineAsync($"{before.MountPoint}: {before.Version} -> {after.Version}, process {after.WorkerPid}").ConfigureAwait(false);
            }
            catch (CliException e)
            {
                failure = failure is null ? "" : failure + "; ";
                failure += $"{before.MountPoint} stays with version {before.Version}: {e.Message}";
            }
        }

        return failure is null ? ExitStatus.Done : throw new CliException(failure);
    }

    private static async Task<MountStatus> UpgradeAsync(ControlAddress socket, MountStatus before, string program, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var _ in ControlClient.AskAsync(socket, new ControlRequest(ControlRequest.Upgrade) { Program = program }, cancellationToken).ConfigureAwait(false))
            {
                // Ready, or heartbeats.
            }
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            // The process that was asked has ended: that is how it goes.
        }

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(TakeoverMax);
        while (true)
        {
            foreach (var (_, status) in await ControlClient.FindMountsAsync(cancellationToken).ConfigureAwait(false))
            {
                if (status.MountPoint == before.MountPoint && !status.Detached && status.WorkerPid != before.WorkerPid)
                {
                    return status.Program == program
                        ? status
                        : throw new CliException($"process {status.WorkerPid} of {status.Program} serves it now; its log says why");
                }
            }

            try
            {
                await Task.Delay(LookInterval, deadline.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw new CliException($"no other process has served it within {TakeoverMax.TotalSeconds:0} s; its log may say why");
            }
        }
    }
}
