using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix.Realisations;

namespace NixFuseStore.Daemon.Building;

/// <summary>How a build ended.</summary>
/// <param name="Status">How.</param>
/// <param name="ErrorMessage">Why it failed; empty where it did not.</param>
/// <param name="BuiltOutputs">What the wanted outputs came to; empty for store objects and failures.</param>
internal sealed record BuildResult(BuildStatus Status, string ErrorMessage, IReadOnlyList<Realisation> BuiltOutputs)
{
    private const int OutputsMinor = 28;
    private const int TimesMinor = 29;
    private const int ProcessorTimesMinor = 37;

    /// <summary>Whether everything wanted is valid.</summary>
    internal bool IsSuccess => Status is BuildStatus.Built or BuildStatus.Substituted or BuildStatus.AlreadyValid;

    internal static BuildResult Success(BuildStatus status, IReadOnlyList<Realisation> outputs) => new(status, "", outputs);

    internal static BuildResult Failure(BuildStatus status, string message) => new(status, message, []);

    /// <summary>Whether it was not tried to the end because something else failed.</summary>
    internal bool IsGivenUp { get; init; }

    /// <summary>Seconds since 1970 when the builder began; 0 where nothing was built.</summary>
    internal long StartTime { get; init; }

    /// <summary>Seconds since 1970 when it ended; 0 where nothing was built.</summary>
    internal long StopTime { get; init; }

    /// <summary>Writes it as clients of that version read it. Processor times are not known.</summary>
    internal void Write(WireWriter writer, int minor)
    {
        writer.Number((ulong)Status);
        writer.Text(ErrorMessage);
        if (minor >= TimesMinor)
        {
            writer.Number(StartTime == 0 ? 0UL : 1); // times built
            writer.Bool(Status == BuildStatus.NotDeterministic);
            writer.Number((ulong)StartTime);
            writer.Number((ulong)StopTime);
        }

        if (minor >= ProcessorTimesMinor)
        {
            writer.Number(0); // no user time
            writer.Number(0); // no system time
        }

        if (minor >= OutputsMinor)
        {
            writer.Number((ulong)BuiltOutputs.Count);
            foreach (var output in BuiltOutputs)
            {
                writer.Text(output.Id);
                writer.Text(output.Json);
            }
        }
    }
}
