using Google.Protobuf;
using Grpc.Core;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Server;

/// <summary>
/// Keeps in touch with the server: introduces itself (GetStore), follows the events, notices when the server goes away, and tries again until
/// it is back. One loop, from <see cref="Start"/> to disposal.
/// </summary>
internal sealed class StoreMonitor(ServerConnection connection, ServerHealth health, IMonitorEvents events, TimeProvider time) : IAsyncDisposable
{
    /// <summary>The server is heard at least every ten seconds; silence for so long means that the connection is dead.</summary>
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(25);

    private static readonly TimeSpan ProbeDeadline = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _firstContact = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Watching? _watching;
    private Task _loop = Task.CompletedTask;
    private ulong _lastEvent;

    // Tells whether the number still means the event that was seen: a database that was restored from a backup gives numbers out again.
    private ByteString _lastEventId = ByteString.Empty;
    private byte[]? _storeId;
    private int _probing;
    private volatile TaskCompletionSource? _pausing;

    /// <summary>Ends when the server was met and accepted, or with the first failure.</summary>
    public Task FirstContact => _firstContact.Task;

    /// <summary>Number of the last event that was dealt with.</summary>
    public ulong LastEvent => Volatile.Read(ref _lastEvent);

    public void Start()
    {
        health.OnSuspicion = () => _ = ProbeAsync();
        connection.OnMoved = FollowCurrent;
        connection.OnHeard = OnHeard;
        _loop = RunAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _firstContact.TrySetException(new StoreUnavailableException("the store was closed"));
        _ = _firstContact.Task.Exception;
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        var pause = PauseMin;
        var failures = 0;
        while (!_stop.IsCancellationRequested)
        {
            var endpoint = connection.Current;
            Exception failure;
            try
            {
                await MeetAsync(endpoint).ConfigureAwait(false);
                pause = PauseMin;
                failures = 0;
                if (await WatchAsync(endpoint).ConfigureAwait(false))
                {
                    // Requests go to another server now, and so does the watch.
                    continue;
                }

                failure = new StoreUnavailableException($"server {endpoint.Address.Authority} ended the stream of events");
            }
            catch (RpcException e)
            {
                failure = connection.Translate(endpoint, e);
            }
            catch (StoreClientException e)
            {
                failure = e;
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (OperationCanceledException)
            {
                failure = new StoreUnavailableException($"server {endpoint.Address.Authority} is silent");
            }
            catch (Exception e) when (!_stop.IsCancellationRequested)
            {
                // Whatever it is, this loop must live: it alone brings the server back.
                failure = new StoreClientException($"server {endpoint.Address.Authority}: {e.Message}", e);
            }

            health.SetDown(failure);
            connection.MoveOn(endpoint);
            if (++failures < connection.Count && failure is StoreUnavailableException)
            {
                // Each server is tried before callers are told.
                continue;
            }

            if (!_firstContact.Task.IsCompleted && failure is StoreClientException unexplained)
            {
                failure = await ExplainAsync(endpoint, unexplained).ConfigureAwait(false);
            }

            _firstContact.TrySetException(failure);
            // Random, so that the clients of a server do not all return at the same moment.
            await PauseAsync(pause * (0.75 + (Random.Shared.NextDouble() / 2)), endsWhenHeard: failure is StoreUnavailableException).ConfigureAwait(false);
            pause = pause * 2 < PauseMax ? pause * 2 : PauseMax;
        }
    }

    private async Task PauseAsync(TimeSpan pause, bool endsWhenHeard)
    {
        var pausing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _pausing = endsWhenHeard ? pausing : null;
        try
        {
            // Not at once, whatever is heard: a server that answers calls and nothing else must not keep the loop busy.
            await Task.Delay(PauseMin < pause ? PauseMin : pause, time, _stop.Token).ConfigureAwait(false);
            await pausing.Task.WaitAsync(pause > PauseMin ? pause - PauseMin : TimeSpan.Zero, time, _stop.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            // The pause is over, or the loop ends.
        }
        finally
        {
            _pausing = null;
        }
    }

    // A call was answered. While the server counts as away, it is back: there is no need to wait for the end of the pause.
    private void OnHeard()
    {
        if (!health.IsUp)
        {
            health.OnHeard();
            _pausing?.TrySetResult();
        }
    }

    private async Task<StoreClientException> ExplainAsync(ServerEndpoint endpoint, StoreClientException failure)
    {
        try
        {
            return await ServerConnection.ExplainAsync(endpoint, failure, _stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return failure;
        }
    }

    private async Task MeetAsync(ServerEndpoint endpoint)
    {
        var deadline = _storeId is null ? ServerConnection.MeetDeadline : ProbeDeadline;
        var store = await endpoint.Store.GetStoreAsync(new GetStoreRequest { Store = connection.StoreName }, deadline, _stop.Token).ConfigureAwait(false);
        endpoint.WasHeard = true;
        events.OnMet(endpoint, store);
        var id = store.StoreId.ToByteArray();
        if (_storeId is null)
        {
            GoOnFrom(store.HeadEvent, store.HeadEventId);
            events.OnFirstMet();
        }
        else if (!id.AsSpan().SequenceEqual(_storeId)
            || store.HeadEvent < _lastEvent
            || (store.HeadEvent == _lastEvent && !store.HeadEventId.Equals(_lastEventId)))
        {
            // Another store under the old name, or a database that was set back: nothing known before need hold. Where it has grown beyond the
            // last event since, the watch finds out.
            GoOnFrom(store.HeadEvent, store.HeadEventId);
            events.OnResync();
        }

        _storeId = id;
        health.SetUp();
        _firstContact.TrySetResult();
    }

    /// <summary>Follows the events until the stream ends; true where it was given up because requests go to another server.</summary>
    private async Task<bool> WatchAsync(ServerEndpoint endpoint)
    {
        using var source = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var watching = new Watching(endpoint, source);
        _watching = watching;
        source.CancelAfter(SilenceMax);
        try
        {
            // It may have moved on before there was anything to give up.
            FollowCurrent();
            var request = new WatchRequest { Store = connection.StoreName, AfterEvent = _lastEvent, AfterEventId = _lastEventId };
            await foreach (var response in endpoint.Store.WatchAsync(request, null, source.Token).ConfigureAwait(false))
            {
                source.CancelAfter(SilenceMax);
                Deal(response);
            }

            return false;
        }
        catch (Exception e) when (e is OperationCanceledException or RpcException && watching.HasMoved && !_stop.IsCancellationRequested)
        {
            return true;
        }
        finally
        {
            _watching = null;
        }
    }

    // A request found its server away and went on to the next: what this server would still tell is not what requests are answered from.
    private void FollowCurrent()
    {
        if (_watching is { } watching && connection.Current != watching.Endpoint)
        {
            watching.HasMoved = true;
            watching.Cancel();
        }
    }

    private void Deal(WatchResponse response)
    {
        if (response.Resync)
        {
            GoOnFrom(response.HeadEvent, response.HeadEventId);
            events.OnResync();
            return;
        }

        foreach (var change in response.Events)
        {
            if (change.Number > _lastEvent)
            {
                events.OnEvent(change);
                GoOnFrom(change.Number, change.Id);
            }
        }
    }

    private void GoOnFrom(ulong number, ByteString id)
    {
        Volatile.Write(ref _lastEvent, number);
        _lastEventId = id;
    }

    // A request failed although the stream of events lives: ask whether the server is there, and give the stream up when not.
    private async Task ProbeAsync()
    {
        if (_watching is not { } watching || Interlocked.Exchange(ref _probing, 1) != 0)
        {
            return;
        }

        try
        {
            await watching.Endpoint.Store.GetStoreAsync(new GetStoreRequest { Store = connection.StoreName }, ProbeDeadline, _stop.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException or ObjectDisposedException)
        {
            watching.Cancel();
        }
        finally
        {
            Volatile.Write(ref _probing, 0);
        }
    }

    /// <summary>A stream of events, and the server that it comes from.</summary>
    private sealed class Watching(ServerEndpoint endpoint, CancellationTokenSource source)
    {
        private volatile bool _hasMoved;

        public ServerEndpoint Endpoint => endpoint;

        public bool HasMoved
        {
            get => _hasMoved;
            set => _hasMoved = value;
        }

        /// <summary>Gives the stream up; off the caller's thread, since what waits for it goes on at once.</summary>
        public void Cancel() => _ = Task.Run(() =>
        {
            try
            {
                source.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The stream ended by itself meanwhile.
            }
        });
    }
}
