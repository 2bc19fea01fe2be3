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
        var follow = new Option<string>("--follow") { Description = "Show what this one prints, from its first line to its end: a derivation, or a part of its name", HelpName = "NAME" };
        var command = new Command("builds", "Show what the mounts of this host build, and what waits for a slot") { json, follow };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var mounts = await ControlClient.FindMountsAsync(cancellationToken).ConfigureAwait(false);
            if (parsed.GetValue(follow) is { } name)
            {
                await FollowAsync(mounts, name, parsed.InvocationConfiguration.Output, cancellationToken).ConfigureAwait(false);
                return ExitStatus.Done;
            }

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

    private static async Task FollowAsync(
        IReadOnlyList<(ControlAddress Socket, MountStatus Status)> mounts, string name, TextWriter output, CancellationToken cancellationToken)
    {
        var found = mounts.Where(mount => mount.Status.Builds?.Builds.Any(build => IsOf(build.Derivation, name)) == true).ToArray();
        if (found is not [var mount])
        {
            throw new CliException(found.Length == 0
                ? $"nothing that is being built on this host has the name '{name}'"
                : $"several mounts build '{name}': {string.Join(' ', found.Select(static mount => mount.Status.MountPoint))}");
        }

        var request = new ControlRequest(ControlRequest.FollowBuild) { Build = name };
        await foreach (var reply in ControlClient.AskAsync(mount.Socket, request, cancellationToken).ConfigureAwait(false))
        {
            if (reply.Line is { } line)
            {
                await output.WriteLineAsync(line).ConfigureAwait(false);
            }
        }
    }

    private static bool IsOf(string derivation, string name) => derivation.Contains(name[(name.LastIndexOf('/') + 1)..], StringComparison.Ordinal);
}
