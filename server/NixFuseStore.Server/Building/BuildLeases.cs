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

    // In place of the number of a build.
    private const long Queue = 0;

    private readonly ConcurrentDictionary<(StoreId Store, long Number), TaskCompletionSource> _news = new();
    private long _outage = time.GetTimestamp();

    /// <summary>
    /// Whether a lease that has run out lets another take over. Not until a whole lease after this process began or the database was away: owners
    /// could not say that they live, and get the time to.
    /// </summary>
    public bool MayTakeOver => time.GetElapsedTime(Interlocked.Read(ref _outage)) > Lease;

    /// <summary>Asks the database, and notes where it is away, or slow.</summary>
    /// <exception cref="MetadataUnavailableException">It is away.</exception>
    public async Task<T> AskAsync<T>(Func<Task<T>> question)
    {
        var asked = time.GetTimestamp();
        try
        {
            return await question().ConfigureAwait(false);
        }
        catch (MetadataUnavailableException)
        {
            Interlocked.Exchange(ref _outage, time.GetTimestamp());
            throw;
        }
        finally
        {
            // A database that stands still is away, too.
            if (time.GetElapsedTime(asked) > SlowAfter)
            {
                Interlocked.Exchange(ref _outage, time.GetTimestamp());
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
}
