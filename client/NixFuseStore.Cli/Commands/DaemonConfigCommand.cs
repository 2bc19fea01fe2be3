using System.CommandLine;
using System.Text.Json;
using NixFuseStore.Cli.Control;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.Settings;

namespace NixFuseStore.Cli.Commands;

/// <summary><c>nixfuse daemon-config</c>: how stock Nix uses a mount, checked with the mount's daemon.</summary>
internal static class DaemonConfigCommand
{
    public const string Name = "daemon-config";

    public static Command Create()
    {
        var mountPoint = new Argument<string?>("MOUNTPOINT") { Description = "The mount; may be left out where there is only one", Arity = ArgumentArity.ZeroOrOne };
        var json = JsonOption.Create();
        var command = new Command(Name, "Show how Nix is told to use a mount as its store, and check that its daemon answers") { mountPoint, json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var mount = await FindAsync(parsed.GetValue(mountPoint), cancellationToken).ConfigureAwait(false);
            var config = await DaemonConfig.MakeAsync(mount, cancellationToken).ConfigureAwait(false);
            var output = parsed.InvocationConfiguration.Output;
            await output.WriteAsync(parsed.GetValue(json)
                ? JsonSerializer.Serialize(config, DaemonConfigJson.Default.DaemonConfig) + "\n"
                : Describe(config)).ConfigureAwait(false);
            return ExitStatus.Done;
        });
        return command;
    }

    private static async Task<MountStatus> FindAsync(string? mountPoint, CancellationToken cancellationToken)
    {
        if (mountPoint is not null)
        {
            return (await MountPoints.FindByPathAsync(mountPoint, cancellationToken).ConfigureAwait(false))?.Status
                ?? throw new CliException($"no nixfuse process serves {mountPoint}; see nixfuse status");
        }

        var mounts = await ControlClient.FindMountsAsync(cancellationToken).ConfigureAwait(false);
        return mounts.Count switch
        {
            1 => mounts[0].Status,
            0 => throw new CliException("nothing is mounted; see nixfuse mount --help"),
            _ => throw new UsageException($"say which mount is meant: {string.Join(", ", mounts.Select(static mount => mount.Status.MountPoint))}"),
        };
    }

    private static string Describe(DaemonConfig config)
    {
        var volumes = config.Volumes();
        var list = string.Join(", ", volumes.Select(static volume => $"\"{volume}\""));
        var note = volumes.Count == 1
            ? "In containers the mount is /nix, and the socket comes along with it:"
            : "In containers the mount is /nix, and the socket lies beside it. Their engine must run as you, since others do not see into your mount:";
        var (name, value) = config.Container[3].Split('=', 2) is [var before, var behind] ? (before, behind) : ("", "");
        return $"""
            # The daemon at {config.Socket} answers ({config.DaemonVersion}) and {(config.Trusted ? "trusts you: what you add needs no signature" : "does not trust you: what you add has to be content-addressed or signed by a trusted key")}.

            # nix.conf
            {string.Join('\n', config.NixConf)}

            # or in the environment
            {string.Join('\n', config.Environment.Select(static entry => $"export {entry.Key}='{entry.Value}'"))}

            # {note}
            docker run {string.Join(' ', config.Container)} IMAGE

            # GitLab runner, config.toml
            [[runners]]
              environment = ["{name}={value}"]
              [runners.docker]
                volumes = [{list}]

            # GitHub Actions, job on a self-hosted runner
            container:
              image: IMAGE
              volumes: [{list}]
              env:
                {name}: {value}

            # Buildkite, docker plugin
            - docker#v5.12.0:
                image: IMAGE
                volumes: [{list}]
                environment: ["{name}={value}"]

            """;
    }
}
