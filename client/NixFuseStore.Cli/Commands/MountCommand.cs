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
            new Option<bool>("--foreground") { Description = "Stay, and write the log to the terminal" },
            new Option<string>("--cache-dir") { Description = "Where chunks and metadata are kept (default: /var/cache/nixfuse, for users ~/.cache/nixfuse, per store)", HelpName = "DIR" },
            new Option<string>("--cache-size") { Description = $"What the chunk cache may take on disk (default: {ByteSize.Format(MountSettings.CacheBytesDefault)})", HelpName = "SIZE" },
            new Option<string>("--read-ahead") { Description = $"How far the kernel reads ahead in a file, KiB (default: {MountSettings.ReadAheadKibibytesDefault})", HelpName = "KIB" },
            new Option<bool>(MountArguments.TrustFlag) { Description = "Clients of the mount's Nix daemon socket may add paths without signatures (default where the token allows writing)" },
            new Option<bool>(MountArguments.DistrustFlag) { Description = "They may not: what they add has to be content-addressed, or signed by a trusted key" },
        };
        new StoreOptions().AddTo(command);
        command.SetAction(static int (_) => throw new InvalidOperationException("mount is run without the general parser"));
        return command;
    }
}
