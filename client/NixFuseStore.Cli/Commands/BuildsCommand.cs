using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using NixFuseStore.Cli.Control;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.Settings;

namespace NixFuseStore.Cli.Commands;

/// <summary><c>nixfuse builds</c>: what the mounts of this host build.</summary>
internal static class BuildsCommand
{
    public static Command Create()
    {
        var json = JsonOption.Create();
        var command = new Command("builds", "Show what the mounts of this host build, and what waits for a slot") { json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var mounts = await ControlClient.FindMountsAsync(cancellationToken).ConfigureAwait(false);
            BuildReport[] builds =
            [
                .. mounts.SelectMany(static mount => (mount.Status.Builds?.Builds ?? []).Select(build =>
                    new BuildReport(mount.Status.MountPoint, build.Derivation, build.State, build.Host, build.Seconds, build.Waiters))),
            ];
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
            {
                await output.WriteLineAsync(JsonSerializer.Serialize(new BuildsReport(builds), ControlJson.Default.BuildsReport)).ConfigureAwait(false);
            }
            else if (builds.Length == 0)
            {
                await output.WriteLineAsync("nothing is being built").ConfigureAwait(false);
            }

            foreach (var build in parsed.GetValue(json) ? [] : builds)
            {
                await output.WriteLineAsync(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{build.Host ?? build.State,-10} {build.Seconds,6:0} s, {build.Waiters} waiting: {build.Derivation} ({build.MountPoint})")).ConfigureAwait(false);
            }

            return ExitStatus.Done;
        });
        return command;
    }
}
