namespace NixFuseStore.Storage.Metadata;

/// <summary>
/// Which host builds what: for each set of outputs one execution at a time, whose owner holds a lease by the database's clock. A lease that has
/// run out lets another take over, and does nothing else.
/// </summary>
public interface IBuildCatalog
{
    /// <summary>
    /// Asks for a step: the caller owns its execution from now on, or waits for another's, or neither where it does not claim; then the step may wait
    /// for a host that takes it. Durable.
    /// </summary>
    /// <param name="store">The store.</param>
    /// <param name="request">What is wanted.</param>
    /// <param name="claims">Whether the caller is ready to build.</param>
    /// <param name="mayTakeOver">Whether an execution whose lease has run out counts as ended.</param>
    /// <param name="lease">How long the caller is believed to live, as owner or as one that waits, unless it is heard again.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<BuildClaim> ClaimBuildAsync(
        StoreId store, BuildRequest request, bool claims, bool mayTakeOver, TimeSpan lease, CancellationToken cancellationToken = default);

    /// <summary>
    /// The oldest step that waits for such a host, whose execution is the caller's from now on; null where there is none. Durable, and asks for
    /// little where nothing waits.
    /// </summary>
    Task<RunningBuild?> TakeBuildAsync(StoreId store, BuildTaker taker, TimeSpan lease, CancellationToken cancellationToken = default);

    /// <summary>The owner is alive, and what its builder has printed meanwhile.</summary>
    /// <param name="store">The store.</param>
    /// <param name="number">The execution.</param>
    /// <param name="owner">Whose it is.</param>
    /// <param name="lease">How long the owner is believed to live.</param>
    /// <param name="position">Where <paramref name="log"/> belongs; what does not join the bytes that are there is passed over.</param>
    /// <param name="log">The next bytes.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null where the execution is not the caller's any more; one that the caller has ended with a result is still its own.</returns>
    Task<BuildRenewal?> RenewBuildAsync(
        StoreId store, long number, string owner, TimeSpan lease, long position, ReadOnlyMemory<byte> log, CancellationToken cancellationToken = default);

    /// <summary>
    /// Ends an execution without outputs; with outputs it ends as they are registered. Durable, and true again for the same caller.
    /// </summary>
    /// <returns>False where it is not the caller's any more, or has other outputs.</returns>
    Task<bool> EndBuildAsync(StoreId store, BuildEnd ending, CancellationToken cancellationToken = default);

    /// <summary>How far an execution is; null where it is not known (any more).</summary>
    Task<BuildProgress?> FollowBuildAsync(StoreId store, long number, long position, CancellationToken cancellationToken = default);

    /// <summary>
    /// One that waits for an execution is alive, or with a lease of zero waits no more. It stands in the place of the asker with whose name its own
    /// begins.
    /// </summary>
    Task KeepWaitingAsync(StoreId store, long number, string waiter, TimeSpan lease, CancellationToken cancellationToken = default);

    /// <summary>What runs and what waits for a host, oldest first.</summary>
    Task<IReadOnlyList<RunningBuild>> ListBuildsAsync(StoreId store, CancellationToken cancellationToken = default);

    /// <summary>Ends an execution for its owner and all who wait; false where it does not run. Durable.</summary>
    Task<bool> CancelBuildAsync(StoreId store, long number, CancellationToken cancellationToken = default);
}

/// <summary>An execution is not the caller's any more: another has taken over, or it was cancelled. Nothing of it was registered.</summary>
public sealed class BuildLostException(long number) : Exception($"build {number} is not this host's any more: nothing of it was registered");
