namespace NixFuseStore.EndToEnd.Tests.NixCommands;

/// <summary>A cell of the table: what became of a command, as "ok", "–" for a release that lacks it, or "failed" with the reason.</summary>
internal sealed record CommandOutcome(string Title, string Cell)
{
    public const string Passed = "ok";
    public const string NotInRelease = "–";

    public bool IsFailure => Cell is not (Passed or NotInRelease);

    /// <summary>Runs a command and catches whatever is wrong with it.</summary>
    public static CommandOutcome Of(NixCommand command, CommandRun run)
    {
        if (run.Nix.Release.Version < command.Since)
        {
            return new CommandOutcome(command.Title, NotInRelease);
        }

        try
        {
            command.Run(run);
            return new CommandOutcome(command.Title, Passed);
        }
#pragma warning disable CA1031 // Whatever went wrong is the outcome.
        catch (Exception error)
#pragma warning restore CA1031
        {
            return new CommandOutcome(command.Title, "failed: " + error.Message);
        }
    }
}
