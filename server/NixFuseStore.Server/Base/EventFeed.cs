using System.Runtime.CompilerServices;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Base;

/// <summary>
/// The events of one store, read from the database once however many followers there are. The last ones are kept in memory; a follower that
/// stands elsewhere (behind them, or in another history of the database) asks the database once and is then served from memory too.
/// </summary>
internal sealed partial class EventFeed(
    IEventLog events,
    StoreRecord store,
    Action<IReadOnlyList<StoreEvent>> happened,
    Action lost,
    ILogger logger,
    TimeProvider time,
    TimeSpan heartbeat,
    CancellationToken stopping)
{
    /// <summary>Events read from the database at once, and told in one page at most.</summary>
    public const int PageMax = 1_000;

    /// <summary>Events kept in memory, about 150 bytes each.</summary>
    private const int RememberedMax = 4_096;

    private static readonly TimeSpan WaitForEvents = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();

    // All guarded by _gate; changed by the feed's loop alone.
    private readonly List<StoreEvent> _remembered = [];
    private EventPosition _start;
    private EventPosition _head;
    private bool _following;
    private int _generation;
    private Exception? _failure;
    private TaskCompletionSource _moved = NewSource();

    public void Start()
    {
        _ = Task.Run(RunAsync, CancellationToken.None);
        _ = Task.Run(BeatAsync, CancellationToken.None);
    }

    /// <summary>
    /// The events behind a position, from now on and until cancelled. The first page comes at once, even an empty one; an empty one also
    /// comes when nothing has happened for a while, one and a half heartbeats at most.
    /// </summary>
    /// <exception cref="MetadataUnavailableException">The events cannot be followed now: what is not told may have happened.</exception>
    public async IAsyncEnumerable<EventPage> FollowAsync(
        EventPosition after, [EnumeratorCancellation] CancellationToken cancellation)
    {
        int? generation = null;
        long? lastSent = null;
        while (true)
        {
            var (page, moved, now) = Look(after, generation);
            if (now is { } current)
            {
                page ??= await events.ReadEventsAsync(store.Id, after, PageMax, cancellation).ConfigureAwait(false);
                generation = current;
            }

            if (page is not null && (page.Resync || page.Events.Count > 0 || lastSent is null || time.GetElapsedTime(lastSent.Value) >= heartbeat / 2))
            {
                after = page.Behind(after);
                yield return page;
                lastSent = time.GetTimestamp();
                if (page.Resync || page.Events.Count == PageMax)
                {
                    continue;
                }
            }

            await moved.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>What memory says of the events behind a position.</summary>
    /// <returns>
    /// The page; null where the database has to be asked. Then what ends when there may be more. Then the generation that the answer belongs
    /// to; null where the feed does not run yet.
    /// </returns>
    private (EventPage? Page, Task Moved, int? Generation) Look(EventPosition after, int? generation)
    {
        lock (_gate)
        {
            if (_failure is { } failure)
            {
                throw failure is MetadataUnavailableException
                    ? new MetadataUnavailableException(failure.Message, failure)
                    : new MetadataUnavailableException($"the events of store '{store.Name}' cannot be followed now: {failure.Message}", failure);
            }

            if (!_following)
            {
                return (null, _moved.Task, null);
            }

            // 1. Up to date, or ahead: the database told this follower of events that the feed has yet to read.
            if (after == _head || (after.Number > _head.Number && generation == _generation))
            {
                return (new EventPage([], _head, Resync: false), _moved.Task, _generation);
            }

            // 2. Somewhere in what is kept.
            if (after.Number >= _start.Number && after.Number < _head.Number)
            {
                int skipped = (int)(after.Number - _start.Number);
                var known = skipped == 0 ? _start : _remembered[skipped - 1].Position;
                if (known == after)
                {
                    return (new EventPage(_remembered.GetRange(skipped, Math.Min(PageMax, _remembered.Count - skipped)), _head, Resync: false), _moved.Task, _generation);
                }
            }

            // 3. Anywhere else.
            return (null, _moved.Task, _generation);
        }
    }

    private async Task RunAsync()
    {
        var pause = PauseMin;
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                if (!_following)
                {
                    Begin(await events.GetHeadEventAsync(store.Id, stopping).ConfigureAwait(false));
                }

                var page = await events.ReadEventsAsync(store.Id, _head, PageMax, stopping).ConfigureAwait(false);
                Deal(page);
                pause = PauseMin;
                if (page.Events.Count < PageMax)
                {
                    await events.WaitForEventsAsync(store.Id, _head, WaitForEvents, stopping).ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // whatever goes wrong here, going on without the events would mean serving removed paths
            catch (Exception e)
#pragma warning restore CA1031
            {
                Fail(e);

                // Random, so that the servers of a database do not all come back at the same moment.
                await Task.Delay(pause * (0.75 + (Random.Shared.NextDouble() / 2)), time, stopping)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                pause = pause * 2 < PauseMax ? pause * 2 : PauseMax;
            }
        }
    }

    /// <summary>
    /// One clock for all followers: a thousand of them, each with a timer of its own, would wake the process two hundred times a second.
    /// </summary>
    private async Task BeatAsync()
    {
        while (!stopping.IsCancellationRequested)
        {
            await Task.Delay(heartbeat, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            TaskCompletionSource moved;
            lock (_gate)
            {
                (moved, _moved) = (_moved, NewSource());
            }

            moved.TrySetResult();
        }
    }

    private void Begin(EventPosition head)
    {
        // What was remembered before the first event is known is of an unknown moment.
        lost();
        Move(() =>
        {
            _start = _head = head;
            _following = true;
        });
    }

    private void Deal(EventPage page)
    {
        if (page.Resync)
        {
            LogLost(logger, store.Name);
            lost();
            Move(() =>
            {
                _remembered.Clear();
                _start = _head = page.Head;
                _generation++;
            });
        }
        else if (page.Events.Count > 0)
        {
            // First what this server remembers, so that a client that is told and asks is not answered from before.
            happened(page.Events);
            Move(() =>
            {
                _remembered.AddRange(page.Events);
                if (_remembered.Count > RememberedMax)
                {
                    // Half at a time, since what stays is moved.
                    int dropped = _remembered.Count - (RememberedMax / 2);
                    _start = _remembered[dropped - 1].Position;
                    _remembered.RemoveRange(0, dropped);
                }

                _head = page.Events[^1].Position;
            });
        }
        else if (_failure is not null)
        {
            Move(static () => { });
        }
    }

    /// <summary>What is remembered stays good: paths can hardly be removed while the database is away, and afterwards events go on from here.</summary>
    private void Fail(Exception failure)
    {
        bool isNews;
        TaskCompletionSource moved;
        lock (_gate)
        {
            isNews = _failure is null;
            _failure = failure;
            (moved, _moved) = (_moved, NewSource());
        }

        if (isNews)
        {
            LogUnfollowed(logger, store.Name, failure.Message);
        }

        moved.TrySetResult();
    }

    private void Move(Action change)
    {
        bool recovered;
        TaskCompletionSource moved;
        lock (_gate)
        {
            change();
            recovered = _failure is not null;
            _failure = null;
            (moved, _moved) = (_moved, NewSource());
        }

        if (recovered)
        {
            LogFollowed(logger, store.Name);
        }

        moved.TrySetResult();
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(40, LogLevel.Warning, "cannot follow the events of store {Store}; its clients are told so until it works again: {Reason}")]
    private static partial void LogUnfollowed(ILogger logger, string store, string reason);

    [LoggerMessage(41, LogLevel.Information, "the events of store {Store} are followed again")]
    private static partial void LogFollowed(ILogger logger, string store);

    [LoggerMessage(42, LogLevel.Warning, "the database's events of store {Store} do not go on from those seen before (it was restored from a backup, or this server lagged far behind): everything is asked for again")]
    private static partial void LogLost(ILogger logger, string store);
}
