namespace NixFuseStore.Daemon;

/// <summary>Builds derivations one by one; what they need is there before.</summary>
public interface IBuilder
{
    /// <summary>Why nothing is built here, as the beginning of a sentence; null where something is.</summary>
    string? WhyNot => null;

    /// <summary>
    /// Builds a derivation and registers its outputs: valid, with their log, when this returns a success. Who asks for the same step while it
    /// runs gets the same execution, and its log from the first line. Any thread.
    /// </summary>
    /// <param name="build">What is to be built.</param>
    /// <param name="logLine">Told each line that the build prints, without newline, one at a time; waits for a client that reads slowly.</param>
    /// <param name="cancellationToken">Leaves; a build that all have left is ended.</param>
    /// <returns>How it ended; that the builder failed is a result.</returns>
    /// <exception cref="DaemonStoreException">It cannot be built here, or something other than the builder failed.</exception>
    Task<StepResult> BuildAsync(BuildStep build, Func<string, ValueTask> logLine, CancellationToken cancellationToken);
}
