using System.Runtime.InteropServices;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Fuse.Sessions;

namespace NixFuseStore.Cli.Mounting;

/// <content>How long a mount lives, and how it ends.</content>
internal sealed partial class MountHost
{
    private static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ReleaseDrain = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MountCheckInterval = TimeSpan.FromSeconds(1);

    /// <summary>Serves until it is unmounted, or the supervisor ends the mount.</summary>
    /// <returns>The exit status; null where the mount has not ended, and another process has to serve it.</returns>
    public async Task<int?> RunAsync()
    {
        var ended = await Task.WhenAny(_session!.Completion, _stopRequested.Task, _link.Stopped, _link.Released).ConfigureAwait(false);
        if (ended == _link.Released)
        {
            await ReleaseAsync().ConfigureAwait(false);
            return null;
        }

        if (ended != _session.Completion)
        {
            Log($"unmounting {MountPoint}");
            return ExitStatus.Done;
        }

        try
        {
            var end = await _session.Completion.ConfigureAwait(false);
            Log(end == FuseSessionEnd.Aborted ? $"the kernel has aborted the mount at {MountPoint}" : $"{MountPoint} was unmounted");
            return end == FuseSessionEnd.Aborted ? ExitStatus.Failed : ExitStatus.Done;
        }
        catch (IOException e)
        {
            Log($"serving {MountPoint} failed: {e.Message}");
            return null;
        }
    }

    /// <summary>
    /// Puts everything away, in the reverse order: when the control connection closes, all of it is done. A part that fails is reported,
    /// and the others still end: a cache that is not closed loses what it has not written.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        // 1. A mount that no supervisor has yet.
        await EndAsync("the mount", () =>
        {
            if (!_link.IsKept)
            {
                _mount?.TryUnmount(lazyWhenBusy: true);
            }

            return default;
        }).ConfigureAwait(false);
        _metrics?.Dispose();
        _trimmer?.Dispose();
        _mountCheck?.Dispose();
        await EndAsync("the Nix daemon", () => new ValueTask(EndDaemonAsync())).ConfigureAwait(false);
        await EndAsync("the session", async () =>
        {
            if (_session is not null)
            {
                await _session.StopAsync(DrainTimeout).ConfigureAwait(false);
            }
        }).ConfigureAwait(false);

        // 2. From the kernel's end to the server's. Where starting failed before the cache, nothing may wait for it.
        if (_cache is null)
        {
            _cacheOpening.TrySetResult(null);
        }

        await EndAsync("the file system", () => _fileSystem?.DisposeAsync() ?? default).ConfigureAwait(false);
        await EndAsync("the store", () => _reader?.DisposeAsync() ?? default).ConfigureAwait(false);
        await EndAsync("the cache", () => _cache?.DisposeAsync() ?? default).ConfigureAwait(false);
        await EndAsync("the connection", () =>
        {
            _connection?.Dispose();
            _mount?.Dispose();
            return default;
        }).ConfigureAwait(false);

        // 3. Last, the clients that waited for all this.
        foreach (var signal in _signals)
        {
            signal.Dispose();
        }

        await EndAsync("the control socket", () => _control?.DisposeAsync() ?? default).ConfigureAwait(false);
        _controlDirectory?.Dispose();
    }

    /// <summary>
    /// Stops serving at a request boundary, for another process that goes on with the mount, and writes what is to be written. What the kernel
    /// has not been answered, it sends again. Sockets and mount are left as they are.
    /// </summary>
    private async Task ReleaseAsync()
    {
        Log($"process {Environment.ProcessId} makes way for another version");
        await EndAsync("the session", () => new ValueTask(_session!.StopAsync(ReleaseDrain, leaveUnanswered: true))).ConfigureAwait(false);
        await EndAsync("the store", () => _reader!.DisposeAsync()).ConfigureAwait(false);
        await EndAsync("the cache", () => _cache?.DisposeAsync() ?? default).ConfigureAwait(false);
    }

    private async ValueTask EndAsync(string part, Func<ValueTask> end)
    {
        try
        {
            await end().ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever one part fails with: the others have to end.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Log($"ending {part} failed: {ErrorLine.Describe(e)}");
        }
    }

    /// <summary>Hangs up on the daemon's clients, once; its socket would keep the session alive after an unmounting.</summary>
    private Task EndDaemonAsync()
    {
        lock (_ending)
        {
            return _daemonEnd ??= EndAsync();
        }

        async Task EndAsync()
        {
            if (_daemon is not null)
            {
                await _daemon.DisposeAsync().ConfigureAwait(false);
                _link.EndDaemon();
            }

            if (DescribeUnregistered() is { } unregistered)
            {
                Log(unregistered);
            }
        }
    }

    /// <summary>One line where paths were added that the server does not have yet; else null. For when the daemon has ended.</summary>
    private string? DescribeUnregistered() => _daemon?.Journal is { Waiting: > 0 } journal
        ? $"{journal.Waiting} added paths are not registered at the server yet; they are kept in {journal.Directory}, and registered when {_settings.Store.Store} is mounted again with this cache directory"
        : null;

    /// <summary>Notices an unmounting by others.</summary>
    private ITimer WatchMount() => TimeProvider.System.CreateTimer(
        _ =>
        {
            try
            {
                if (!_mount!.IsMounted)
                {
                    _ = EndDaemonAsync();
                }
            }
#pragma warning disable CA1031 // An exception that leaves a timer ends the process, and with it the mount.
            catch (Exception e)
#pragma warning restore CA1031
            {
                Log($"cannot see whether {MountPoint} is still mounted: {e.Message}");
            }
        },
        null,
        MountCheckInterval,
        MountCheckInterval);

    private void ListenForSignals()
    {
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGHUP])
        {
            _signals.Add(PosixSignalRegistration.Create(signal, context =>
            {
                // Those of a terminal come to the supervisor, too.
                context.Cancel = true;
                if (context.Signal == PosixSignal.SIGTERM)
                {
                    _link.RequestStop();
                }
            }));
        }
    }
}
