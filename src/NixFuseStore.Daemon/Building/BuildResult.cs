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

    /// <summary>Writes it as clients of that version read it. Times are unknown, and 0 means that.</summary>
    internal void Write(WireWriter writer, int minor)
    {
        writer.Number((ulong)Status);
        writer.Text(ErrorMessage);
        if (minor >= TimesMinor)
        {
            writer.Number(0); // times built
            writer.Bool(false); // whether two builds differed
            writer.Number(0); // start
            writer.Number(0); // stop
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
