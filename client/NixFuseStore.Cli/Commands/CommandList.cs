using System.CommandLine;

namespace NixFuseStore.Cli.Commands;

/// <summary>All commands, in the order of the help text. A command is one file beside this one with a static <c>Create()</c>.</summary>
internal static class CommandList
{
    public static IEnumerable<Command> All() =>
    [
        MountCommand.Create(),
        UnmountCommand.Create(),
        UpgradeCommand.Create(),
        PushCommand.Create(),
        InfoCommand.Create(),
        ListCommand.Create(),
        StatusCommand.Create(),
        BuildsCommand.Create(),
        LogCommand.Create(),
        DaemonConfigCommand.Create(),
        PrefetchCommand.Create(),
        VerifyCommand.Create(),
    ];
}
