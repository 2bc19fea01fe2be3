using NixFuseStore.Client.Server;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Roots;

/// <summary>
/// Paths that a process on this host is about to use. They belong to one session of this process, whose lease it extends for as long as
/// a process holds one of them; a process that dies keeps its roots until the lease runs out. Any thread.
/// </summary>
public sealed class TemporaryRoots : IAsyncDisposable
{
    /// <summary>How long a root may wait for others to travel with.</summary>
    private static readonly TimeSpan HoldLinger = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// How long a root stays that no process holds any more: a script that runs one command after another holds the same ones again, and what
    /// was answered from the journal is registered by then.
    /// </summary>
    private static readonly TimeSpan ReleaseLinger = TimeSpan.FromSeconds(1);

    /// <summary>How long what could not be sent waits for another try.</summary>
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(20);

    /// <summary>Three extensions in a row may fail.</summary>
    private static readonly TimeSpan RenewalInterval = RootSession.Lease / 4;

    private static readonly TimeSpan CloseDeadline = TimeSpan.FromSeconds(1);

    /// <summary>Roots that are counted, so that each can be released by itself.</summary>
    private const int CountedMax = 200_000;

    private readonly Action<string>? _log;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly DeferredWork _holding;
    private readonly DeferredWork _releasing;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _turn = new(1, 1);

    // Guarded by _gate.
    private readonly RootLedger _ledger = new(CountedMax);

    // Used by the caller that has the turn.
    private readonly RootSession _session;
    private Task _renewing = Task.CompletedTask;

    /// <summary>Of a host's name, with the server of a reader, which stays the caller's.</summary>
    /// <param name="reader">Whose server is asked.</param>
    /// <param name="host">Shown with the roots.</param>
    /// <param name="log">Told in one line what went wrong; may be null.</param>
    /// <param name="time">Clock and timers.</param>
    public TemporaryRoots(StoreReader reader, string host, Action<string>? log, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(reader);
        _log = log;
        _time = time;
        _session = new RootSession(reader.Calls, host);
        _holding = new DeferredWork(HoldLinger, RetryPause, token => TryInTurnAsync(SendHeldAsync, "sent", token), time);
        _releasing = new DeferredWork(ReleaseLinger, RetryPause, token => TryInTurnAsync(SendReleasedAsync, "released", token), time);
    }

    /// <summary>The roots of one more user, who disposes them.</summary>
    public HeldRoots Open() => new(this);

    /// <summary>Ends when everything that was added before, and is still held, is with the server.</summary>
    /// <exception cref="StoreClientException">It could not be sent. It stays waiting, and goes with the next.</exception>
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        if (!IsComplete())
        {
            await InTurnAsync(SendHeldAsync, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Ends the session, and with it its roots.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _holding.DisposeAsync().ConfigureAwait(false);
        await _releasing.DisposeAsync().ConfigureAwait(false);
        await _renewing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using var deadline = new CancellationTokenSource(CloseDeadline, _time);
        await _session.CloseAsync(deadline.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
        _turn.Dispose();
    }

    internal void Hold(HeldRoots holder, StorePath path)
    {
        lock (_gate)
        {
            if (holder.Paths.Contains(path))
            {
                return;
            }

            if (_ledger.Hold(path))
            {
                holder.Paths.Add(path);
            }
        }

        if (!IsComplete())
        {
            _holding.Ask();
        }
    }

    internal void Release(HeldRoots holder)
    {
        lock (_gate)
        {
            foreach (var path in holder.Paths)
            {
                _ledger.Release(path);
            }

            holder.Paths.Clear();
        }

        AskToRelease();
    }

    private bool IsComplete()
    {
        lock (_gate)
        {
            return _ledger.IsComplete;
        }
    }

    private void AskToRelease()
    {
        lock (_gate)
        {
            if (!_ledger.HasReleased && !_ledger.IsUnused)
            {
                return;
            }
        }

        _releasing.Ask();
    }

    private async Task<bool> TryInTurnAsync(Func<CancellationToken, Task> work, string what, CancellationToken cancellationToken)
    {
        try
        {
            await InTurnAsync(work, cancellationToken).ConfigureAwait(false);
            return true;
        }
#pragma warning disable CA1031 // Whatever it is, it is tried again: a loop that ends here would let the lease run out, and with it what is kept.
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            _log?.Invoke($"temporary roots could not be {what}, and are later: {e.Message}");
            return false;
        }
    }

    private async Task InTurnAsync(Func<CancellationToken, Task> work, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await work(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task SendHeldAsync(CancellationToken cancellationToken)
    {
        // Not what is added meanwhile, too: while many add paths, there would always be more.
        bool more = true;
        while (more && TakeUnsent() is { Length: > 0 } batch)
        {
            bool kept = false;
            try
            {
                kept = await _session.TryAddAsync(batch, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                Finish(batch, kept);
            }

            more = !kept || batch.Length == RootSession.RootsPerCall;
            if (!kept)
            {
                ForgetKept();
            }
            else if (_renewing.IsCompleted)
            {
                _renewing = RenewAsync();
            }
        }
    }

    private async Task SendReleasedAsync(CancellationToken cancellationToken)
    {
        while (_session.IsOpen)
        {
            // With the last holder the whole session goes: one call whatever there was, and it takes what was not counted, too.
            StorePath[] batch;
            bool ends;
            lock (_gate)
            {
                ends = _ledger.IsUnused;
                batch = ends ? _ledger.TakeAll() : _ledger.TakeReleased(RootSession.RootsPerCall);
            }

            if (!ends && batch.Length == 0)
            {
                return;
            }

            bool kept = true;
            try
            {
                await (ends ? _session.CloseAsync(cancellationToken) : _session.RemoveAsync(batch, cancellationToken)).ConfigureAwait(false);
                kept = false;
            }
            finally
            {
                Finish(batch, kept);
            }
        }
    }

    private StorePath[] TakeUnsent()
    {
        lock (_gate)
        {
            return _ledger.TakeUnsent(RootSession.RootsPerCall);
        }
    }

    private void Finish(StorePath[] batch, bool kept)
    {
        lock (_gate)
        {
            _ledger.Finish(batch, kept);
        }

        if (kept)
        {
            AskToRelease(); // what was released meanwhile
        }
    }

    private void ForgetKept()
    {
        lock (_gate)
        {
            _ledger.ForgetKept();
        }
    }

    private async Task RenewAsync()
    {
        while (true)
        {
            await Task.Delay(RenewalInterval, _time, _stop.Token).ConfigureAwait(false);
            await TryInTurnAsync(RenewNowAsync, "renewed", _stop.Token).ConfigureAwait(false);
        }
    }

    private async Task RenewNowAsync(CancellationToken cancellationToken)
    {
        if (!await _session.TryRenewAsync(cancellationToken).ConfigureAwait(false))
        {
            ForgetKept();
            await SendHeldAsync(cancellationToken).ConfigureAwait(false);
        }
    }
}
