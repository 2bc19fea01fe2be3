namespace NixFuseStore.Client.Server;

/// <summary>
/// Whether the server can be asked now, so that no caller waits for one that is known to be away. Changed by the monitor; all members may be
/// called from any thread.
/// </summary>
internal sealed class ServerHealth(TimeProvider time)
{
    /// <summary>
    /// A server that went away just now is probably restarting: a caller that has time to wait for it may. Later, asking fails at once.
    /// </summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(3);

    private readonly Lock _gate = new();
    private TaskCompletionSource _change = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _up;
    private long _since = time.GetTimestamp();
    private long? _heardAt;
    private Exception? _failure;

    /// <summary>Called when a request failed in a way that makes the server's presence doubtful.</summary>
    public Action? OnSuspicion { get; set; }

    public bool IsUp => Volatile.Read(ref _up);

    /// <summary>Why the server is not up; null while it is, and before the first attempt ended.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>How long the server has been up, or away.</summary>
    public TimeSpan TimeInState
    {
        get
        {
            lock (_gate)
            {
                return time.GetElapsedTime(_since);
            }
        }
    }

    public void SetUp()
    {
        lock (_gate)
        {
            _failure = null;
            _up = true;
            _since = time.GetTimestamp();
            _change.TrySetResult();
        }
    }

    public void SetDown(Exception failure)
    {
        lock (_gate)
        {
            _failure = failure;
            if (_up)
            {
                _up = false;
                _heardAt = null;
                _since = time.GetTimestamp();
                _change = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }

    /// <summary>A server that counts as away has answered a call: it is waited for like one that went away just now.</summary>
    public void OnHeard()
    {
        lock (_gate)
        {
            if (!_up)
            {
                _heardAt = time.GetTimestamp();
            }
        }
    }

    public void Suspect()
    {
        if (IsUp)
        {
            OnSuspicion?.Invoke();
        }
    }

    /// <summary>Waits for the server, at most for the deadline, and only while there is hope.</summary>
    /// <param name="deadline">How long to wait.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="hopeFor">How long a server may have been away to be waited for at all; null for <see cref="Grace"/>.</param>
    /// <exception cref="StoreUnavailableException">It is away.</exception>
    public async Task WaitUpAsync(TimeSpan deadline, CancellationToken cancellationToken, TimeSpan? hopeFor = null)
    {
        Task change;
        lock (_gate)
        {
            if (_up)
            {
                return;
            }

            if (time.GetElapsedTime(_since) > (hopeFor ?? Grace) && (_heardAt is not { } heardAt || time.GetElapsedTime(heardAt) > Grace))
            {
                throw Away();
            }

            change = _change.Task;
        }

        try
        {
            await change.WaitAsync(deadline, time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw Away();
        }
    }

    private StoreUnavailableException Away() => new(Failure?.Message ?? "the server did not answer yet", Failure);
}
