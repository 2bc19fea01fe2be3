using System.Threading.RateLimiting;

namespace NixFuseStore.Server.Base;

/// <summary>Limiters of work that is under way at once. A lease is held until it is disposed.</summary>
/// <remarks>They have neither timers nor handles, so that nothing is lost where none disposes of them.</remarks>
internal static class Limiters
{
    /// <summary>Callers wait, in their order, where as many are under way as may be. No lease is refused.</summary>
    public static ConcurrencyLimiter Waiting(int count) => Create(count, int.MaxValue);

    /// <summary>No caller waits: a lease is refused where as many are under way as may be.</summary>
    public static ConcurrencyLimiter Refusing(int count) => Create(count, 0);

    private static ConcurrencyLimiter Create(int count, int waitingMax) => new(new ConcurrencyLimiterOptions
    {
        PermitLimit = count,
        QueueLimit = waitingMax,
        QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
    });
}
