using System.Runtime.InteropServices;
using NixFuseStore.Fuse.Mounting;
using NixFuseStore.Fuse.Sessions;

namespace NixFuseStore.Cli.Mounting;

/// <content>How long a mount lives, and how it ends.</content>
internal sealed partial class MountHost
{
    private static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan MountCheckInterval = TimeSpan.FromSeconds(1);

    /// <summary>Serves until somebody unmounts, asks for it, or sends SIGTERM or SIGINT.</summary>
    /// <returns>The exit status.</returns>
    public async Task<int> RunAsync()
    {
        var ended = await Task.WhenAny(_session!.Completion, _stopRequested.Task).ConfigureAwait(false);
        if (ended == _stopRequested.Task)
        {
            Log($"unmounting {MountPoint}");
            return CommandRunner.ExitDone;
        }

        try
        {
            var end = await _session.Completion.ConfigureAwait(false);
            Log(end == FuseSessionEnd.Aborted ? $"the kernel has aborted the mount at {MountPoint}" : $"{MountPoint} was unmounted");
            return end == FuseSessionEnd.Aborted ? CommandRunner.ExitFailed : CommandRunner.ExitDone;
        }
        catch (IOException e)
        {
            Log($"serving {MountPoint} failed: {e.Message}");
            return CommandRunner.ExitFailed;
        }
    }

    /// <summary>Puts everything away, in the reverse order: when the control connection closes, all of it is done.</summary>
    public async ValueTask DisposeAsync()
    {
        // 1. No new users. Those who are inside lose it: this happens on a signal only, or when starting failed.
        if (_mount is not null)
        {
            try
            {
                _mount.TryUnmount(lazyWhenBusy: true);
            }
            catch (FuseMountException e)
            {
                Log(e.Message);
            }
        }

        _trimmer?.Dispose();
        _mountCheck?.Dispose();
        await EndDaemonAsync().ConfigureAwait(false);

        if (_session is not null)
        {
            await _session.StopAsync(DrainTimeout).ConfigureAwait(false);
        }

        // 2. From the kernel's end to the server's.
        if (_fileSystem is not null)
        {
            await _fileSystem.DisposeAsync().ConfigureAwait(false);
        }

        if (_reader is not null)
        {
            await _reader.DisposeAsync().ConfigureAwait(false);
        }

        if (_cache is not null)
        {
            await _cache.DisposeAsync().ConfigureAwait(false);
        }

        _connection?.Dispose();
        _mount?.Dispose();

        // 3. Last, whoever waited for all this.
        foreach (var signal in _signals)
        {
            signal.Dispose();
        }

        if (_control is not null)
        {
            await _control.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Hangs up on the daemon's clients, once; its socket would keep the session alive after an unmounting.</summary>
    private Task EndDaemonAsync()
    {
        lock (_ending)
        {
            return _daemonEnd ??= _daemon?.DisposeAsync().AsTask() ?? Task.CompletedTask;
        }
    }

    /// <summary>Notices an unmounting by others.</summary>
    private ITimer WatchMount() => TimeProvider.System.CreateTimer(
        _ =>
        {
            if (!_mount!.IsMounted)
            {
                _ = EndDaemonAsync();
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
                context.Cancel = true;
                // The terminal's end is no reason to end for a process that has left it.
                if (context.Signal != PosixSignal.SIGHUP || !_settings.IsDetached)
                {
                    _stopRequested.TrySetResult();
                }
            }));
        }
    }
}
