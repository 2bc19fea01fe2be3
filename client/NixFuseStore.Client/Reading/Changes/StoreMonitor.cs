using NixFuseStore.Protocol;
using NixFuseStore.Protocol.Grpc;

namespace NixFuseStore.Client.Reading;

/// <summary>
/// Keeps in touch with the server: introduces itself (GetStore), follows the events, notices when the server goes away, and tries again until
/// it is back. One loop, from <see cref="Start"/> to disposal.
/// </summary>
internal sealed class StoreMonitor(ServerConnection connection, ServerHealth health, IMonitorEvents events, TimeProvider time) : IAsyncDisposable
{
    /// <summary>The server is heard at least every few seconds; silence for so long means that the connection is dead.</summary>
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan ProbeDeadline = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan FirstProbeDeadline = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _firstContact = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CancellationTokenSource? _watching;
    private Task _loop = Task.CompletedTask;
    private ulong _lastEvent;
    private byte[]? _storeId;
    private int _probing;

    /// <summary>Ends when the server was met and accepted, or with the first failure.</summary>
    public Task FirstContact => _firstContact.Task;

    /// <summary>Number of the last event that was dealt with.</summary>
    public ulong LastEvent => Volatile.Read(ref _lastEvent);

    public void Start()
    {
        health.OnSuspicion = () => _ = ProbeAsync();
        _loop = RunAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
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
                await WatchAsync(endpoint).ConfigureAwait(false);
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
                // Each server is tried before anybody is told.
                continue;
            }

            _firstContact.TrySetException(failure);
            try
            {
                await Task.Delay(pause, time, _stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            pause = pause * 2 < PauseMax ? pause * 2 : PauseMax;
        }
    }

    private async Task MeetAsync(ServerEndpoint endpoint)
    {
        var deadline = _storeId is null ? FirstProbeDeadline : ProbeDeadline;
        var store = await endpoint.Store.GetStoreAsync(new GetStoreRequest { Store = connection.StoreName }, deadline, _stop.Token).ConfigureAwait(false);
        events.OnMet(endpoint, store);
        var id = store.StoreId.ToByteArray();
        if (_storeId is null)
        {
            _lastEvent = store.HeadEvent;
            events.OnFirstMet();
        }
        else if (!id.AsSpan().SequenceEqual(_storeId) || store.HeadEvent < _lastEvent)
        {
            // Another store under the old name, or a database that was set back: nothing known before need hold.
            _lastEvent = store.HeadEvent;
            events.OnResync();
        }

        _storeId = id;
        health.SetUp();
        _firstContact.TrySetResult();
    }

    private async Task WatchAsync(ServerEndpoint endpoint)
    {
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        _watching = watching;
        watching.CancelAfter(SilenceMax);
        try
        {
            var request = new WatchRequest { Store = connection.StoreName, AfterEvent = _lastEvent };
            await foreach (var response in endpoint.Store.WatchAsync(request, null, watching.Token).ConfigureAwait(false))
            {
                watching.CancelAfter(SilenceMax);
                Deal(response);
            }
        }
        finally
        {
            _watching = null;
        }
    }

    private void Deal(WatchResponse response)
    {
        if (response.Resync)
        {
            Volatile.Write(ref _lastEvent, response.HeadEvent);
            events.OnResync();
            return;
        }

        foreach (var change in response.Events)
        {
            if (change.Number > _lastEvent)
            {
                events.OnEvent(change);
                Volatile.Write(ref _lastEvent, change.Number);
            }
        }
    }

    // A request failed although the stream of events lives: ask whether anybody is there, and give the stream up when not.
    private async Task ProbeAsync()
    {
        if (_watching is not { } watching || Interlocked.Exchange(ref _probing, 1) != 0)
        {
            return;
        }

        try
        {
            await connection.Current.Store.GetStoreAsync(new GetStoreRequest { Store = connection.StoreName }, ProbeDeadline, _stop.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException or ObjectDisposedException)
        {
            try
            {
                await watching.CancelAsync().ConfigureAwait(false);
            }
            catch (ObjectDisposedException)
            {
                // The stream ended by itself meanwhile.
            }
        }
        finally
        {
            Volatile.Write(ref _probing, 0);
        }
    }
}
