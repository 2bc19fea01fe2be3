using Microsoft.Extensions.Logging;
using NixFuseStore.Nix;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Storage;
using NixFuseStore.Storage.Metadata;
using Xunit;

namespace NixFuseStore.Server.Tests.Base;

/// <summary>One feed for all followers of a store, over a real database whose answers can be held up or made to fail.</summary>
public sealed class EventFeedTests : IAsyncLifetime
{
    private static readonly TimeSpan NoHeartbeat = TimeSpan.FromHours(1);

    private readonly string _directory = Directory.CreateTempSubdirectory("nixfuse-feed-").FullName;
    private readonly StringWriter _log = new();
    private readonly CancellationTokenSource _stopping = new();
    private IMetadataStore _metadata = null!;
    private StoreRecord _store = null!;
    private CountingEvents _counting = null!;
    private StoreEvents _events = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _metadata = await StorageFactory.OpenMetadataAsync($"sqlite:{_directory}/metadata.db", Token);
        _store = (await _metadata.CreateStoreAsync(new NewStore("main", "/nix/store", 1, "k:s", "k:p"), Token))!;
        _counting = new CountingEvents(_metadata);
        _events = new StoreEvents(_counting, new LineLogger(TextWriter.Synchronized(_log), LogLevel.Information), TimeProvider.System, NoHeartbeat, _stopping.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _metadata.DisposeAsync();
        _stopping.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Follow_ManyFollowers_AskTheDatabaseOnce()
    {
        var head = await _metadata.GetHeadEventAsync(_store.Id, Token);
        var followers = Enumerable.Range(0, 200).Select(_ => Follow(head)).ToArray();
        foreach (var follower in followers)
        {
            Assert.Empty((await NextAsync(follower)).Events);
        }

        var before = _counting.Reads;
        await ChangeAsync(3);
        foreach (var follower in followers)
        {
            Assert.Equal(3, (await NextAsync(follower)).Events.Count);
        }

        // The feed reads the news, perhaps in parts, and once more to see that there is nothing else.
        Assert.InRange(_counting.Reads - before, 1, 5);
        await DisposeAsync(followers);
    }

    [Fact]
    public async Task Follow_FromBehindWhatIsKept_GetsEveryEventOnceInOrder()
    {
        await ChangeAsync(2_500);
        var late = Follow(default);
        var seen = new List<ulong>();
        while (seen.Count < 2_500)
        {
            seen.AddRange((await NextAsync(late)).Events.Select(e => e.Number));
        }

        await ChangeAsync(3_000);
        var later = Follow((await _metadata.ReadEventsAsync(_store.Id, default, 10, Token)).Events[^1].Position);
        var all = new List<ulong>();
        while (all.Count < 5_490)
        {
            all.AddRange((await NextAsync(later)).Events.Select(e => e.Number));
        }

        while (seen.Count < 5_500)
        {
            seen.AddRange((await NextAsync(late)).Events.Select(e => e.Number));
        }

        Assert.Equal(Enumerable.Range(1, 5_500).Select(number => (ulong)number), seen);
        Assert.Equal(Enumerable.Range(11, 5_490).Select(number => (ulong)number), all);
        await DisposeAsync(late, later);
    }

    [Fact]
    public async Task Follow_FromAnotherHistory_Resyncs()
    {
        await ChangeAsync(5);
        var head = await _metadata.GetHeadEventAsync(_store.Id, Token);
        var middle = (await _metadata.ReadEventsAsync(_store.Id, default, 3, Token)).Events[^1].Position;
        foreach (var position in new[] { head with { Id = StoreEventId.Create() }, middle with { Id = StoreEventId.Create() }, head with { Number = 99 } })
        {
            var follower = Follow(position);
            var page = await NextAsync(follower);
            Assert.True(page.Resync);
            Assert.Equal(head, page.Head);
            await DisposeAsync(follower);
        }
    }

    [Fact]
    public async Task Follow_DatabaseAway_EndsFollowersAndIsLoggedOncePerChange()
    {
        var head = await _metadata.GetHeadEventAsync(_store.Id, Token);
        var follower = Follow(head);
        await NextAsync(follower);
        _counting.Failure = new InvalidOperationException("the test's database is away");

        // An unforeseen exception, too, is no end of the feed.
        await ChangeAsync(1);
        await Assert.ThrowsAsync<MetadataUnavailableException>(async () =>
        {
            // A read that was under way before may still bring the change.
            while (true)
            {
                await NextAsync(follower);
            }
        });
        var failed = _counting.Reads;
        while (_counting.Reads < failed + 3)
        {
            await Task.Delay(10, Token);
        }

        await Assert.ThrowsAsync<MetadataUnavailableException>(() => NextAsync(Follow(head)));
        Assert.Single(Lines(), line => line.Contains("cannot follow the events of store main", StringComparison.Ordinal));

        _counting.Failure = null;
        await Eventually.HoldsAsync(() => Task.FromResult(Lines().Any(line => line.Contains("followed again", StringComparison.Ordinal))));
        var again = Follow(head);
        Assert.Single((await NextAsync(again)).Events);
        Assert.Equal(2, Lines().Length);
        await DisposeAsync(again);
    }

    [Fact]
    public async Task Cache_EventsOfOtherPaths_LeaveEntriesAlone()
    {
        var cache = new StoreCache<string, string>(_events, 1_000, static value => value.Length, holdsSignatures: true);
        var (signed, other, removed) = (Path("signed"), Path("other"), Path("removed"));
        Assert.False(cache.TryGet(_store, "x", out _, out _));
        await NextAsync(Follow(await _metadata.GetHeadEventAsync(_store.Id, Token)));
        foreach (var path in new[] { signed, other, removed })
        {
            Assert.False(cache.TryGet(_store, path.HashPart, out _, out var moment));
            cache.Add(_store, path.HashPart, path.HashPart, path.Name, moment);
        }

        Assert.False(cache.TryGet(_store, "late", out _, out var before));
        _counting.Inject((StoreEventKind.SignaturesAdded, signed), (StoreEventKind.Removed, removed), (StoreEventKind.Registered, other));
        await Eventually.HoldsAsync(() => Task.FromResult(!cache.TryGet(_store, removed.HashPart, out _, out _)));

        Assert.False(cache.TryGet(_store, signed.HashPart, out _, out _));
        Assert.True(cache.TryGet(_store, other.HashPart, out var kept, out _));
        Assert.Equal("other", kept);

        // What was read before its path changed does not come in afterwards; of other paths it does.
        cache.Add(_store, removed.HashPart, removed.HashPart, "old", before);
        Assert.False(cache.TryGet(_store, removed.HashPart, out _, out _));
        cache.Add(_store, "late", Path("late").HashPart, "new", before);
        Assert.True(cache.TryGet(_store, "late", out _, out _));
    }

    private static StorePath Path(string name) => SamplePath.Create(name, NixFuseStore.Testing.Stores.FakeTree.File(name)).Path;

    private IAsyncEnumerator<EventPage> Follow(EventPosition after) =>
        _events.Follow(_store).FollowAsync(after, Token).GetAsyncEnumerator(Token);

    private static async Task<EventPage> NextAsync(IAsyncEnumerator<EventPage> follower)
    {
        Assert.True(await follower.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60), Token));
        return follower.Current;
    }

    private static async Task DisposeAsync(params IAsyncEnumerator<EventPage>[] followers)
    {
        foreach (var follower in followers)
        {
            await follower.DisposeAsync();
        }
    }

    private string[] Lines() => _log.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Events as signatures of a path make them: nothing else needs to be there.</summary>
    private async Task ChangeAsync(int count)
    {
        for (int i = 0; i < count; i += 500)
        {
            _counting.Append(_store.Id, Math.Min(500, count - i));
        }

        await Task.CompletedTask;
    }

    /// <summary>The events of a database, counted, with more of them written straight into its tables.</summary>
    private sealed class CountingEvents(IMetadataStore metadata) : IEventLog
    {
        private readonly Queue<(StoreEventKind Kind, StorePath Path)> _injected = new();
        private TaskCompletionSource _woken = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _reads;

        public int Reads => Volatile.Read(ref _reads);

        public Exception? Failure { get; set; }

        public void Append(StoreId store, int count)
        {
            var file = metadata.Description[(metadata.Description.LastIndexOf(' ') + 1)..];
            using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={file};Pooling=False");
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = $"""
                BEGIN IMMEDIATE;
                INSERT INTO events (store, number, id, kind, base_name)
                  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
                  SELECT s.id, s.last_event + i, randomblob(16), 1, '00000000000000000000000000000000-x' FROM n, stores s WHERE s.id = {store.Value};
                UPDATE stores SET last_event = last_event + {count} WHERE id = {store.Value};
                COMMIT
                """;
            command.ExecuteNonQuery();
            _woken.TrySetResult();
        }

        public void Inject(params (StoreEventKind Kind, StorePath Path)[] events)
        {
            lock (_injected)
            {
                foreach (var e in events)
                {
                    _injected.Enqueue(e);
                }
            }

            _woken.TrySetResult();
        }

        public Task<EventPosition> GetHeadEventAsync(StoreId store, CancellationToken cancellationToken) => metadata.GetHeadEventAsync(store, cancellationToken);

        public async Task<EventPage> ReadEventsAsync(StoreId store, EventPosition after, int limit, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _reads);
            if (Failure is { } failure)
            {
                throw failure;
            }

            lock (_injected)
            {
                if (_injected.Count > 0)
                {
                    var id = StoreEventId.Create();
                    var page = _injected.Select((e, index) => new StoreEvent(after.Number + 1 + (ulong)index, id, e.Kind, e.Path)).ToArray();
                    _injected.Clear();
                    return new EventPage(page, page[^1].Position, Resync: false);
                }
            }

            return await metadata.ReadEventsAsync(store, after, limit, cancellationToken);
        }

        public async Task WaitForEventsAsync(StoreId store, EventPosition after, TimeSpan timeout, CancellationToken cancellationToken)
        {
            var woken = _woken;
            await Task.WhenAny(woken.Task, metadata.WaitForEventsAsync(store, after, timeout, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
            Interlocked.CompareExchange(ref _woken, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), woken);
        }
    }
}
