namespace NixFuseStore.Daemon;

/// <summary>Builds nothing and says why.</summary>
/// <param name="why">Why this store does not build, as the beginning of a sentence.</param>
public sealed class RefusingBuilder(string why) : IBuilder
{
    /// <inheritdoc/>
    public string? WhyNot => why;

    /// <inheritdoc/>
    public Task<StepResult> BuildAsync(BuildStep build, Func<string, ValueTask> logLine, CancellationToken cancellationToken) =>
        throw new DaemonStoreException(why);
}
