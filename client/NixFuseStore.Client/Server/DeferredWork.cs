namespace NixFuseStore.Client.Server;

/// <summary>
/// Work that waits a moment after it was asked for, so that it is done once for all who ask meanwhile; after a failure it is tried again,
/// after a pause. Any thread.
/// </summary>
/// <param name="linger">The moment.</param>
/// <param name="retryPause">The pause.</param>
/// <param name="work">Returns whether it succeeded. Ends with an <see cref="OperationCanceledException"/> when it is cancelled.</param>
/// <param name="time">Clock and timers.</param>
internal sealed class DeferredWork(TimeSpan linger, TimeSpan retryPause, Func<CancellationToken, Task<bool>> work, TimeProvider time) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();

    // Guarded by _gate.
    private bool _isAsked;
    private bool _isRunning;
    private Task _running = Task.CompletedTask;

    /// <summary>Asks for it. What the caller changed before is seen by work that begins later.</summary>
    internal void Ask()
    {
        lock (_gate)
        {
            _isAsked = true;
            if (!_isRunning)
            {
                _isRunning = true;
                _running = RunAsync();
            }
        }
    }

    /// <summary>Cancels it.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        var pause = linger;
        while (true)
        {
            await Task.Delay(pause, time, _stop.Token).ConfigureAwait(false);
            lock (_gate)
            {
                _isAsked = false;
            }

            bool succeeded;
            try
            {
                succeeded = await work(_stop.Token).ConfigureAwait(false);
            }
#pragma warning disable CA1031 // Whatever it is: it is tried again after the pause, or nothing that is asked for later would ever be done.
            catch (Exception) when (!_stop.IsCancellationRequested)
#pragma warning restore CA1031
            {
                succeeded = false;
            }

            lock (_gate)
            {
                if (succeeded && !_isAsked)
                {
                    _isRunning = false;
                    return;
                }
            }

            pause = succeeded ? linger : retryPause;
        }
    }
}
