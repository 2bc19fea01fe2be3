using System.Diagnostics;
using System.Globalization;
using NixFuseStore.Supervisor.Messages;
using NixFuseStore.Supervisor.Workers;

namespace NixFuseStore.Supervisor;

/// <content>The end of a worker, and the next.</content>
public sealed partial class MountSupervisor
{
    /// <summary>A worker has ended: the exit status where the mount has, or null where another worker serves it now.</summary>
    private int? EndOf(WorkerProcess worker)
    {
        var end = worker.DescribeEnd();
        if (_kept is null)
        {
            // The first one, before there was a mount.
            if (!_startFailed)
            {
                _options.Failed(1, _stopping is null ? $"the process that was to serve the mount is gone: {end}" : "interrupted");
            }

            return worker.EndedWith is > 0 and var failed ? failed : 1;
        }

        if (worker.EndedWith is { } status && !_startFailed)
        {
            return status;
        }

        return _stopping is not null ? 1 : TryHandToNext(worker) ? null : Replace(worker, end);
    }

    private int? Replace(WorkerProcess worker, string end)
    {
        var (served, lifetime) = (worker.HasServed, worker.Lifetime);
        DropNext("the process that serves the mount has ended meanwhile");
        if (!served && _program is not null)
        {
            // The other version has not served: back to this one.
            _options.Log($"{_program} could not go on with the mount ({end}); the version before does");
            (_program, served) = (null, true);
        }

        while (Volatile.Read(ref _stopRequested) == 0)
        {
            // 1. Whether another one is worth it.
            _restarts++;
            if (!_startFailed)
            {
                _lastReason = end;
            }

            if (_policy.OnEnded(served, lifetime) is not { } pause)
            {
                return FailedMount.Serve(_mount!, _kept!, _files!, _lastReason ?? end, () => Volatile.Read(ref _stopRequested) != 0, _options.Log);
            }

            if (pause > TimeSpan.Zero)
            {
                Thread.Sleep(pause);
            }

            // 2. It has the mount's files before it runs.
            _startFailed = false;
            if (TryStart(new SupervisorMessage(MessageKind.Resume) { Mount = _kept, Text = _lastReason }, _files!.All, out var failure))
            {
                return null;
            }

            (served, lifetime, end) = (false, TimeSpan.Zero, failure);
        }

        return 1;
    }

    /// <summary>The exit status where a worker that did not answer was the last.</summary>
    private int? LookForLife(WorkerProcess worker)
    {
        // 1. One that was told to end, and does not.
        if (_stopping is { } since)
        {
            var patience = _kept is null ? StartStopPatience : StopPatience;
            if (Stopwatch.GetElapsedTime(since) > patience && !_isKilled)
            {
                _isKilled = true;
                worker.Kill();
            }

            return Stopwatch.GetElapsedTime(since) > patience + EndPatience ? 1 : null;
        }

        // 2. One that does not answer. While this process stood still itself, the other cannot be blamed.
        var slept = Stopwatch.GetElapsedTime(_lastLook) > 4 * LookInterval;
        _lastLook = Stopwatch.GetTimestamp();
        if (worker.Pinged is not null && slept)
        {
            worker.Pinged = _lastLook;
        }
        else if (worker.Pinged is { } pinged && Stopwatch.GetElapsedTime(pinged) > SilenceMax)
        {
            _options.Log(string.Create(CultureInfo.InvariantCulture, $"process {worker.ProcessId}, which serves the mount, has not answered for {SilenceMax.TotalSeconds:0} s, and is ended"));
            return EndHanging(worker, EndPatience);
        }
        else if (worker.Pinged is null && _kept is not null && Stopwatch.GetElapsedTime(worker.LastPing) > PingInterval)
        {
            worker.LastPing = _lastLook;
            worker.Pinged = _lastLook;
            _channel?.TrySend(new SupervisorMessage(MessageKind.Ping));
        }

        return null;
    }

    /// <summary>
    /// Ends a worker, and where the kernel holds a thread of it, goes on as soon as none is reading the mount's requests: the lock that such a
    /// thread waits for may be one that only the next worker's answer frees.
    /// </summary>
    /// <returns>The exit status where no other follows; null else. The end of a process that has ended is found at the next look.</returns>
    private int? EndHanging(WorkerProcess worker, TimeSpan patience)
    {
        worker.Kill();
        if (_kept is null || _stopping is not null || worker.HasEnded(patience))
        {
            Thread.Sleep(_kept is null || _stopping is not null ? ThreadsPatience : TimeSpan.Zero);
            return null;
        }

        var process = string.Create(CultureInfo.InvariantCulture, $"/proc/{worker.ProcessId}");
        var started = Stopwatch.GetTimestamp();
        while (DeviceUse.IsInside(process) is var inside && inside != false && (inside == true || Stopwatch.GetElapsedTime(started) < UnseenPatience))
        {
            if (worker.HasEnded(TimeSpan.FromMilliseconds(10)) || Volatile.Read(ref _stopRequested) != 0)
            {
                return null;
            }
        }

        if (worker.HasEnded(TimeSpan.Zero) || worker.EndedWith is not null)
        {
            return null;
        }

        _options.Log($"process {worker.ProcessId} hangs in the kernel; another one serves the mount");
        _hung?.Dispose();
        _hung = worker;
        return TryHandToNext(worker) ? null : Replace(worker, "it hung in the kernel, and could not be ended");
    }

    /// <summary>The process that hung has ended, and with it its hold on the cache and the journal, without which the worker now serves.</summary>
    private void StartOver(WorkerProcess worker)
    {
        _hung!.DescribeEnd();
        _hung.Dispose();
        _hung = null;
        if (_stopping is null)
        {
            _lastReason = "the one before has ended at last, and its cache is free";
            worker.HasServed = true;
            worker.Kill();
        }
    }
}
