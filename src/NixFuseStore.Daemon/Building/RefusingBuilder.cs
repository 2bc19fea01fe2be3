using NixFuseStore.Nix;

namespace NixFuseStore.Daemon;

/// <summary>Builds nothing and says why.</summary>
/// <param name="directory">For the message.</param>
/// <param name="why">Why this store does not build, as the continuation of a sentence.</param>
public sealed class RefusingBuilder(StoreDirectory directory, string why) : IBuilder
{
    /// <inheritdoc/>
    public Task<StepResult> BuildAsync(BuildStep build, Func<string, ValueTask> logLine, CancellationToken cancellationToken) =>
        throw new DaemonStoreException(
            $"cannot build '{directory.Print(build.Path)}': {why}, and its output is neither valid nor substitutable; "
            + "build it with another store (--store, or as a remote builder) and copy the result here");
}
