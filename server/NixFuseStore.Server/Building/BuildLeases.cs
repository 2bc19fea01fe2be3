using System.Collections.Concurrent;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Building;

/// <summary>
/// How long owners of builds are believed to live, when another may take over, and news of builds for those of this process who follow them.
/// Any thread.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class BuildLeases(TimeProvider time)
{
    /// <summary>How long an owner, or one that waits, may be silent.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(12);

    private static readonly TimeSpan SlowAfter = Lease / 3;

    /// <summary>A smaller step of the clock takes no lease away whose owner is heard in time.</summary>
    private static readonly TimeSpan ClockSetMin = Lease / 4;

    // In place of the number of a build.
    private const long Queue = 0;

    private readonly ConcurrentDictionary<(StoreId Store, long Number), TaskCompletionSource> _news = new();
    private readonly (DateTimeOffset Wall, long Timestamp) _began = (time.GetUtcNow(), time.GetTimestamp());
    private long _outage = time.GetTimestamp();
    private long _ticksAhead;

    /// <summary>
    /// Whether a lease that has run out lets another take over. Not until a whole lease after this process began, the database was away or this
    /// host's clock was set, which is the database's where that is a file: owners could not say that they live, and get the time to.
    /// </summary>
    public bool MayTakeOver
    {
        get
        {
            NoteClockSet();
            return time.GetElapsedTime(Interlocked.Read(ref _outage)) > Lease;
        }
    }

    /// <summary>The time by a clock that is never set, for <see cref="IsToRenew"/>.</summary>
    public long Timestamp => time.GetTimestamp();

    /// <summary>Whether one that waits is to be renewed again.</summary>
    /// <param name="renewed">The <see cref="Timestamp"/> of the last time; null where it has not been yet.</param>
    public bool IsToRenew(long? renewed) => renewed is not { } last || time.GetElapsedTime(last) > Lease / 3;

    /// <summary>The database is away, as any call has found.</summary>
    public void NoteOutage() => Interlocked.Exchange(ref _outage, time.GetTimestamp());

    /// <summary>Asks the database, and notes where it is slow: one that stands still is away, too.</summary>
    public async Task<T> AskAsync<T>(Func<Task<T>> question)
    {
        var asked = time.GetTimestamp();
        try
        {
            return await question().ConfigureAwait(false);
        }
        finally
        {
            if (time.GetElapsedTime(asked) > SlowAfter)
            {
                NoteOutage();
            }
        }
    }

    /// <summary>Ends when there is something new of a build that this process knows of. To be taken before the build is looked at.</summary>
    public Task NewsOf(StoreId store, long number) =>
        _news.GetOrAdd((store, number), static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>Ends when a step of a store may wait for a host. To be taken before it is looked whether one does.</summary>
    public Task NewsOfQueue(StoreId store) => NewsOf(store, Queue);

    /// <summary>A step of a store waits for a host.</summary>
    public void TellQueue(StoreId store) => Tell(store, Queue);

    /// <summary>There is something new of a build.</summary>
    public void Tell(StoreId store, long number)
    {
        if (_news.TryRemove((store, number), out var news))
        {
            news.SetResult();
        }
    }

    // The two clocks drift apart slowly, and by a step where one is set or the host has slept.
    private void NoteClockSet()
    {
        var ahead = time.GetUtcNow() - _began.Wall - time.GetElapsedTime(_began.Timestamp);
        var before = TimeSpan.FromTicks(Interlocked.Exchange(ref _ticksAhead, ahead.Ticks));
        if ((ahead - before).Duration() > ClockSetMin)
        {
            NoteOutage();
        }
    }
}
