using System.CommandLine;
using NixFuseStore.Cli.Mounting;
using NixFuseStore.Cli.Settings;

namespace NixFuseStore.Cli.Commands;

/// <summary>
/// <c>nixfuse mount</c> as the help text shows it. <see cref="MountArguments"/> reads the arguments; this is only reached for help.
/// </summary>
internal static class MountCommand
{
    public static Command Create()
    {
        var command = new Command(MountArguments.CommandName, "Mount a store; returns when it is usable")
        {
            new Argument<string>("MOUNTPOINT") { Description = "An empty directory" },
            new Option<bool>("--foreground") { Description = "Stay in the foreground, with the log on standard error" },
            new Option<bool>("--trace") { Description = "Print each request of the kernel and of Nix, and how long it took, to the log" },
            new Option<string>(MountArguments.MetricsOption) { Description = "PORT of loopback, or HOST:PORT: serve metrics to Prometheus there", HelpName = "ADDRESS" },
            new Option<string>("--cache-dir") { Description = "Where chunks and metadata are kept (default: /var/cache/nixfuse, for users ~/.cache/nixfuse, per store)", HelpName = "DIR" },
            new Option<string>("--cache-size") { Description = $"What the chunk cache may take on disk (default: {ByteSize.Format(MountSettings.CacheBytesDefault)})", HelpName = "SIZE" },
            new Option<string>("--read-ahead") { Description = $"How far the kernel reads ahead in a file, KiB (default: {MountSettings.ReadAheadKibibytesDefault})", HelpName = "KIB" },
            new Option<string>(MountArguments.TrustedOption)
            {
                Description = "Who else, beside root and you, may add paths without signatures through the mount's Nix daemon socket: a user, @GROUP, "
                    + "containers (users count there by their user id, too), * for everyone; none: not even root (may be repeated)",
                HelpName = "NAME",
            },
            new Option<string>(MountArguments.JobsOption) { Description = "Derivations that are built at a time (default: a quarter of the processors; 0: only other hosts build)", HelpName = "N" },
            new Option<string>(MountArguments.CoresOption) { Description = "Cores that a builder is told to use (default: 4, or all where there are fewer)", HelpName = "N" },
            new Option<string>(MountArguments.BuildDirectoryOption) { Description = "Where builds lie, on a local disk (default: below the cache directory)", HelpName = "DIR" },
            new Option<string>(MountArguments.BuildNixOption) { Description = "Where the stock Nix that builds is installed (default: the one on PATH)", HelpName = "DIR" },
            new Option<string>(MountArguments.BuildMemoryOption) { Description = "Memory that one build may take (default: nine tenths of the host's)", HelpName = "SIZE" },
            new Option<string>(MountArguments.BuildProcessesOption) { Description = "Processes that one build may have (default: 10000)", HelpName = "N" },
            new Option<string>(MountArguments.SystemFeaturesOption)
            {
                Description = "System features that derivations may require, with spaces between them (default: benchmark big-parallel nixos-test, and kvm where /dev/kvm is)",
                HelpName = "WORDS",
            },
            new Option<string>(MountArguments.ExtraPlatformsOption) { Description = "Systems that are built for beside the host's own (default: i686-linux on x86_64-linux)", HelpName = "WORDS" },
            new Option<bool>(MountArguments.NoBuildsOption) { Description = "Build nothing" },
            new Option<bool>(MountArguments.NoFleetBuildsOption) { Description = "Build only what is asked for on this host" },
        };
        new StoreOptions().AddTo(command);
        command.SetAction(static int (_) => throw new InvalidOperationException("mount is run without the general parser"));
        return command;
    }
}
