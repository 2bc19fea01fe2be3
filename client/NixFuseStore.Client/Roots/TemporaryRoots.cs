using NixFuseStore.Client.Reading;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Roots;

/// <summary>
/// Paths that somebody on this host is about to use: they belong to one session of this process, whose lease it extends for as long as it
/// lives. The session is opened with the first of them. Any thread.
/// </summary>
public sealed class TemporaryRoots : IAsyncDisposable
{
    /// <summary>How long a root may wait for others to travel with.</summary>
    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(100);

    /// <summary>A process that dies keeps its roots for so long; three extensions in a row may fail.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan CallDeadline = TimeSpan.FromSeconds(15);

    /// <summary>Roots in one call; the protocol's bound.</summary>
    private const int RootsPerCall = 10_000;

    /// <summary>Roots remembered, so as not to be sent twice; with more, all are forgotten, and sent again when they come again.</summary>
    private const int KeptMax = 200_000;

    private readonly PatientCalls _calls;
    private readonly string _host;
    private readonly Action<string>? _log;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly Lock _gate = new();

    // Guarded by _gate.
    private readonly HashSet<StorePath> _kept = [];
    private HashSet<StorePath> _waiting = [];
    private Task _flushing = Task.CompletedTask;

    // Guarded by _sending.
    private ulong? _session;
    private Task _renewing = Task.CompletedTask;

    /// <summary>Of a host's name, with the server of a reader, which stays the caller's.</summary>
    /// <param name="reader">Whose server is asked.</param>
    /// <param name="host">Shown with the roots.</param>
    /// <param name="log">Told in one line what went wrong; may be null.</param>
    /// <param name="time">Clock and timers.</param>
    public TemporaryRoots(StoreReader reader, string host, Action<string>? log, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(reader);
        _calls = reader.Calls;
        _host = host;
        _log = log;
        _time = time;
    }

    /// <summary>Keeps a path, valid or not. Never waits: roots travel together, shortly afterwards.</summary>
    public void Add(StorePath path)
    {
        lock (_gate)
        {
            if (!_kept.Contains(path) && _waiting.Add(path) && _flushing.IsCompleted)
            {
                _flushing = FlushSoonAsync();
            }
        }
    }

    /// <summary>Ends when everything that was added before is with the server.</summary>
    /// <exception cref="StoreClientException">It could not be sent. It stays waiting, and goes with the next.</exception>
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_waiting.Count == 0)
            {
                return;
            }
        }

        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await SendWaitingAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _sending.Release();
        }
    }

    /// <summary>Ends the session, and with it its roots.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _flushing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _renewing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_session is { } session)
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(1), _time);
            var request = new CloseSessionRequest { Store = _calls.StoreName, Session = session };
            await ((Task)_calls.CallAsync((endpoint, token) => endpoint.Store.CloseSessionAsync(request, CallDeadline, token), deadline.Token))
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _stop.Dispose();
        _sending.Dispose();
    }

    private async Task FlushSoonAsync()
    {
        await Task.Delay(Linger, _time, _stop.Token).ConfigureAwait(false);
        try
        {
            await FlushAsync(_stop.Token).ConfigureAwait(false);
        }
        catch (StoreClientException e)
        {
            _log?.Invoke($"temporary roots could not be sent, and are sent later: {e.Message}");
        }
    }

    private async Task SendWaitingAsync(CancellationToken cancellationToken)
    {
        HashSet<StorePath> taken;
        lock (_gate)
        {
            (taken, _waiting) = (_waiting, []);
        }

        try
        {
            await SendAsync(taken, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            lock (_gate)
            {
                _waiting.UnionWith(taken);
            }

            throw;
        }

        lock (_gate)
        {
            if (_kept.Count + taken.Count > KeptMax)
            {
                _kept.Clear();
            }

            _kept.UnionWith(taken);
        }
    }

    private async Task SendAsync(IEnumerable<StorePath> paths, CancellationToken cancellationToken)
    {
        foreach (var batch in paths.Chunk(RootsPerCall))
        {
            while (true)
            {
                var request = new AddTemporaryRootsRequest
                {
                    Store = _calls.StoreName,
                    Session = _session ??= await OpenAsync(cancellationToken).ConfigureAwait(false),
                };
                request.BaseNames.AddRange(batch.Select(static path => path.BaseName));
                var answer = await _calls.CallAsync(
                    (endpoint, token) => endpoint.Store.AddTemporaryRootsAsync(request, CallDeadline, token), cancellationToken).ConfigureAwait(false);
                if (answer.Alive)
                {
                    break;
                }

                await ReopenAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<ulong> OpenAsync(CancellationToken cancellationToken)
    {
        var request = new OpenSessionRequest { Store = _calls.StoreName, Host = _host, LeaseSeconds = (uint)Lease.TotalSeconds };
        var answer = await _calls.CallAsync(
            (endpoint, token) => endpoint.Store.OpenSessionAsync(request, CallDeadline, token), cancellationToken).ConfigureAwait(false);
        if (_renewing.IsCompleted)
        {
            _renewing = RenewAsync();
        }

        return answer.Session;
    }

    // The lease had run out, and with it everything that was kept.
    private async Task ReopenAsync(CancellationToken cancellationToken)
    {
        _session = null;
        StorePath[] kept;
        lock (_gate)
        {
            kept = [.. _kept];
        }

        _session = await OpenAsync(cancellationToken).ConfigureAwait(false);
        await SendAsync(kept, cancellationToken).ConfigureAwait(false);
    }

    private async Task RenewAsync()
    {
        while (true)
        {
            await Task.Delay(Lease / 4, _time, _stop.Token).ConfigureAwait(false);
            await _sending.WaitAsync(_stop.Token).ConfigureAwait(false);
            try
            {
                var request = new RenewSessionRequest { Store = _calls.StoreName, Session = _session ?? 0, LeaseSeconds = (uint)Lease.TotalSeconds };
                var answer = await _calls.CallAsync(
                    (endpoint, token) => endpoint.Store.RenewSessionAsync(request, CallDeadline, token), _stop.Token).ConfigureAwait(false);
                if (!answer.Alive)
                {
                    await ReopenAsync(_stop.Token).ConfigureAwait(false);
                }
            }
            catch (StoreClientException e)
            {
                _log?.Invoke($"the lease of temporary roots could not be extended, and is tried again: {e.Message}");
            }
            finally
            {
                _sending.Release();
            }
        }
    }
}
