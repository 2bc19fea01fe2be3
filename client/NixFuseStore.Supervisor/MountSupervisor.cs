using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Fuse.Mounting;
using NixFuseStore.Native.Linux;
using NixFuseStore.Supervisor.Messages;
using NixFuseStore.Supervisor.Workers;

namespace NixFuseStore.Supervisor;

/// <summary>
/// Holds what a mount consists of for the kernel and for those who connect, and sees to it that there always is one worker that serves it:
/// one that ends is followed by another, after its end is proven. The only one who unmounts. One thread, and little memory: what it does
/// not do cannot fail.
/// </summary>
public sealed class MountSupervisor : IDisposable
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(2);

    /// <summary>A worker that owes an answer for so long hangs.</summary>
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(10);

    /// <summary>How long a process that was killed may take to end before its calls are looked at.</summary>
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(5);

    /// <summary>How long a worker may take to put everything away.</summary>
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(60);

    private readonly SupervisorOptions _options;
    private readonly RestartPolicy _policy = new();
    private readonly SafeFileHandle _wake;
    private readonly SafeFileHandle _waker;
    private readonly int _workerScore = OutOfMemoryScore.Read();
    private int _stopRequested;

    // Used by the supervisor's thread alone.
    private WorkerProcess? _worker;
    private MessageChannel? _channel;
    private KeptMount? _kept;
    private KeptFiles? _files;
    private FuseMount? _mount;
    private long? _stopping;
    private bool _startFailed;
    private int _restarts;
    private string? _lastReason;

    /// <summary>A supervisor without a mount yet.</summary>
    public MountSupervisor(SupervisorOptions options)
    {
        _options = options;
        (_wake, _waker) = Libc.CreateMessageSockets();
    }

    /// <summary>Asks for the end of the mount: it is unmounted, also while it is in use, and everything is put away. Any thread.</summary>
    public void Stop()
    {
        if (Interlocked.Exchange(ref _stopRequested, 1) == 0)
        {
            _ = Libc.SendMessage(_waker, "s"u8);
        }
    }

    /// <summary>Starts the first worker, which makes the mount, and serves until the mount has ended.</summary>
    /// <returns>The exit status.</returns>
    public int Run()
    {
        if (!TryStart(new SupervisorMessage(MessageKind.Start), [], out var failure))
        {
            _options.Failed(1, failure);
            return 1;
        }

        return Serve();
    }

    /// <summary>Takes over a mount, and the worker that serves it, from a supervisor that has died.</summary>
    /// <param name="channel">The socket to the worker; owned from now on.</param>
    /// <returns>The exit status.</returns>
    public int Adopt(SafeFileHandle channel)
    {
        _channel = new MessageChannel(channel);
        List<SafeFileHandle> files = [];
        if (_channel.Receive(files) is not { Kind: MessageKind.Adopt, Mount: { } kept } message || files.Count == 0)
        {
            return 1;
        }

        _worker = new WorkerProcess(message.ProcessId, files[^1], isChild: false) { HasServed = true };
        if (message.Supervisor is { } before)
        {
            (_restarts, _lastReason) = (before.Restarts, before.LastReason);
        }

        Keep(kept, KeptFiles.Take(files, kept.Daemon is not null));
        _options.Ready(kept);
        _channel.TrySend(new SupervisorMessage(MessageKind.Adopted) { Supervisor = State() });
        return Serve();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _channel?.Dispose();
        _worker?.Dispose();
        _files?.Dispose();
        _mount?.Dispose();
        _wake.Dispose();
        _waker.Dispose();
    }

    private SupervisorState State() => new(Environment.ProcessId, _restarts, _lastReason, _workerScore);

    private int Serve()
    {
        while (true)
        {
            // 1. What has happened.
            var ready = Libc.WaitReadable(LookInterval, _channel?.Socket, _worker!.Handle, Volatile.Read(ref _stopRequested) == 0 ? _wake : null);
            if (ready[0])
            {
                TakeMessage();
            }

            if (Volatile.Read(ref _stopRequested) != 0 && _stopping is null)
            {
                BeginStop();
            }

            // 2. An end. What it had said before is read first.
            if (ready[1] && !ready[0])
            {
                if (EndOf(_worker) is { } status)
                {
                    return status;
                }

                continue;
            }

            // 3. Silence.
            LookForLife(_worker);
        }
    }

    private bool TryStart(SupervisorMessage first, ReadOnlySpan<SafeHandle> files, out string failure)
    {
        failure = "";
        var (ours, theirs) = Libc.CreateMessageSockets();
        using (theirs)
        {
            _channel?.Dispose();
            _channel = new MessageChannel(ours);

            // Before the process starts, so that it need not wait for it.
            _channel.TrySend(first with { Supervisor = State() }, files);
            var error = _options.StartWorker(theirs, out var process);
            if (error == Errno.None)
            {
                error = Libc.OpenProcess(process, out var handle);
                if (error == Errno.None)
                {
                    _worker?.Dispose();
                    _worker = new WorkerProcess(process, handle!, isChild: true);
                    return true;
                }
            }

            failure = $"cannot start the process that serves the mount: {LinuxException.Describe(error)}";
            return false;
        }
    }

    private void TakeMessage()
    {
        List<SafeFileHandle> files = [];
        SupervisorMessage? message;
        try
        {
            message = _channel!.Receive(files);
        }
        catch (InvalidDataException e)
        {
            _options.Log($"the process that serves the mount is not understood, and is ended: {e.Message}");
            _worker!.Kill();
            message = null;
        }

        if (message is null)
        {
            // It ends, or has closed the channel, which it must not: its end follows.
            files.ForEach(static file => file.Dispose());
            _channel!.Dispose();
            _channel = null;
            _worker!.Pinged ??= Stopwatch.GetTimestamp();
            return;
        }

        switch (message.Kind)
        {
            case MessageKind.Note:
                _options.Note(message.Text ?? "");
                break;
            case MessageKind.Failed:
                _startFailed = true;
                _worker!.EndedWith = message.Status ?? 1;
                _lastReason = message.Text;
                if (_kept is null)
                {
                    _options.Failed(message.Status ?? 1, message.Text ?? "");
                }

                break;
            case MessageKind.Keep:
                Keep(message.Mount!, KeptFiles.Take(files, message.Mount!.Daemon is not null));
                _options.Ready(message.Mount);
                break;
            case MessageKind.Served:
                _worker!.HasServed = true;
                break;
            case MessageKind.Pong:
                _worker!.Pinged = null;
                break;
            case MessageKind.DaemonEnded:
                _kept = _kept is null ? null : _kept with { Daemon = null };
                _files?.EndDaemon();
                break;
            case MessageKind.Unmount:
                _ = Task.Run(() => Unmount(_channel!, message.Flag));
                break;
            case MessageKind.Stop:
                Stop();
                break;
            case MessageKind.Ended:
                _worker!.EndedWith = message.Status ?? 0;
                break;
            default:
                break;
        }
    }

    private void Keep(KeptMount kept, KeptFiles files)
    {
        // The device belongs to the mount here; it is the same open file.
        (_kept, _files) = (kept, files);
        _mount = FuseMount.Adopt(kept.Mount, files.Device);
        OutOfMemoryScore.TryWrite(OutOfMemoryScore.OfSupervisor);
    }

    // A thread of its own: fusermount3 takes its time.
    private void Unmount(MessageChannel channel, bool lazy)
    {
        var answer = new SupervisorMessage(MessageKind.Unmounted);
        try
        {
            answer = answer with { Flag = _mount is null || _mount.TryUnmount(lazyWhenBusy: lazy) };
        }
        catch (FuseMountException e)
        {
            answer = answer with { Text = e.Message };
        }

        channel.TrySend(answer);
    }

    private void BeginStop()
    {
        _stopping = Stopwatch.GetTimestamp();
        TryUnmountLazily();
        _channel?.TrySend(new SupervisorMessage(MessageKind.Stop));
    }

    private void TryUnmountLazily()
    {
        try
        {
            _mount?.TryUnmount(lazyWhenBusy: true);
        }
        catch (FuseMountException e)
        {
            _options.Log(e.Message);
        }
    }

    /// <summary>A worker has ended: the exit status where the mount has, or null where another worker serves it now.</summary>
    private int? EndOf(WorkerProcess worker)
    {
        var end = worker.DescribeEnd();
        if (_kept is null)
        {
            // The first one, before there was a mount.
            if (!_startFailed)
            {
                _options.Failed(1, $"the process that was to serve the mount is gone: {end}");
            }

            return worker.EndedWith is > 0 and var failed ? failed : 1;
        }

        if (worker.EndedWith is { } status && !_startFailed)
        {
            return status;
        }

        if (_stopping is not null)
        {
            return 1;
        }

        return Replace(worker, end);
    }

    private int? Replace(WorkerProcess worker, string end)
    {
        var served = worker.HasServed;
        while (true)
        {
            // 1. Whether another one is worth it.
            _restarts++;
            if (!_startFailed)
            {
                _lastReason = end;
            }

            if (_policy.OnEnded(served, _worker!.Lifetime) is not { } pause)
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

            (served, end) = (false, failure);
        }
    }

    private void LookForLife(WorkerProcess worker)
    {
        // 1. One that was told to end, and does not.
        if (_stopping is { } since && Stopwatch.GetElapsedTime(since) > StopPatience)
        {
            worker.Kill();
        }

        // 2. One that does not answer.
        if (worker.Pinged is { } pinged && Stopwatch.GetElapsedTime(pinged) > SilenceMax && _stopping is null)
        {
            _options.Log(string.Create(CultureInfo.InvariantCulture, $"process {worker.ProcessId}, which serves the mount, has not answered for {SilenceMax.TotalSeconds:0} s, and is ended"));
            EndHanging(worker);
        }
        else if (worker.Pinged is null && _kept is not null && Stopwatch.GetElapsedTime(worker.LastPing) > PingInterval)
        {
            worker.LastPing = Stopwatch.GetTimestamp();
            worker.Pinged = worker.LastPing;
            _channel?.TrySend(new SupervisorMessage(MessageKind.Ping));
        }
    }

    /// <summary>Ends a worker, and where the kernel holds a thread of it, waits until none is in a call on the mount.</summary>
    private void EndHanging(WorkerProcess worker)
    {
        worker.Kill();
        if (worker.HasEnded(EndPatience))
        {
            return;
        }

        var process = string.Create(CultureInfo.InvariantCulture, $"/proc/{worker.ProcessId}");
        while (!worker.HasEnded(TimeSpan.FromMilliseconds(100)) && DeviceUse.IsInside(process))
        {
            // One more answer may be on its way.
        }

        if (_kept is not null && !worker.HasEnded(TimeSpan.Zero))
        {
            _options.Log($"process {worker.ProcessId} hangs in the kernel; another one serves the mount");
            Replace(worker, "it hung in the kernel, and could not be ended");
        }
    }
}
