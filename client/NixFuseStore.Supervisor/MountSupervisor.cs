using System.Diagnostics;
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
/// not do cannot fail. Partials: its life and what it is told here, Replacing (the end of a worker, and the next), Upgrading (another version).
/// </summary>
public sealed partial class MountSupervisor : IDisposable
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(2);

    /// <summary>A worker that owes an answer for so long hangs.</summary>
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(10);

    /// <summary>How long a process that was killed may take to end before its calls are looked at.</summary>
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(5);

    /// <summary>The same for one whose first thread has ended: the others end as fast, unless the kernel holds them.</summary>
    private static readonly TimeSpan ThreadsPatience = TimeSpan.FromMilliseconds(50);

    /// <summary>How long a process whose calls cannot be looked at is waited for.</summary>
    private static readonly TimeSpan UnseenPatience = TimeSpan.FromSeconds(5);

    /// <summary>How long a worker may take to put everything away; and one that has no mount yet.</summary>
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StartStopPatience = TimeSpan.FromSeconds(5);

    private readonly SupervisorOptions _options;
    private readonly RestartPolicy _policy = new();
    private readonly SafeFileHandle _wake;
    private readonly SafeFileHandle _waker;
    private int _workerScore = OutOfMemoryScore.Read();
    private readonly Lock _unmounting = new();
    private int _stopRequested;

    // Used by the supervisor's thread alone.
    private WorkerProcess? _worker;

    // One that was replaced while the kernel held it.
    private WorkerProcess? _hung;
    private MessageChannel? _channel;
    private KeptMount? _kept;
    private KeptFiles? _files;
    private FuseMount? _mount;
    private FuseMountState? _made;
    private long? _stopping;
    private bool _isKilled;
    private long _lastLook = Stopwatch.GetTimestamp();
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
        var message = _channel.Receive(files);
        while (message is not null && message.Kind != MessageKind.Adopt)
        {
            // Answers to the supervisor before.
            message = _channel.Receive(files);
        }

        if (message is not { Mount: { } kept } || files.Count == 0)
        {
            return 1;
        }

        _worker = new WorkerProcess(message.ProcessId, files[^1]) { HasServed = true };
        if (message.Supervisor is { } before)
        {
            (_restarts, _lastReason, _workerScore) = (before.Restarts, before.LastReason, before.OutOfMemoryScore);
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
        _hung?.Dispose();
        _next?.Dispose();
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
            var worker = _worker!;
            var ready = Libc.WaitReadable(
                LookInterval,
                _channel?.Socket,
                worker.Handle,
                _hung?.Handle,
                Volatile.Read(ref _stopRequested) == 0 ? _wake : null,
                _next?.Channel.Socket);
            if (ready[0])
            {
                TakeMessage(worker);
            }

            LookAtNext(ready[4]);
            if (Volatile.Read(ref _stopRequested) != 0 && _stopping is null)
            {
                BeginStop();
            }

            // 2. An end, or silence. What it has said before is read first.
            if (ready[0])
            {
                continue;
            }

            if (ready[2])
            {
                StartOver(worker);
            }

            var end = ready[1] ? EndOf(worker)
                : worker.IsDying ? EndHanging(worker, ThreadsPatience)
                : LookForLife(worker);
            if (end is { } status)
            {
                // No process is left to serve it.
                UnmountLazily();
                return status;
            }
        }
    }

    private bool TryStart(SupervisorMessage first, ReadOnlySpan<SafeHandle> files, out string failure)
    {
        try
        {
            failure = Start(first, files);
        }
        catch (Exception e) when (e is LinuxException or IOException)
        {
            failure = e.Message;
        }

        return failure.Length == 0;
    }

    /// <summary>Starts a worker; what went wrong, or nothing.</summary>
    private string Start(SupervisorMessage first, ReadOnlySpan<SafeHandle> files)
    {
        var (ours, theirs) = Libc.CreateMessageSockets();
        using (theirs)
        {
            _channel?.Dispose();
            _channel = new MessageChannel(ours);

            // Before the process starts, so that it need not wait for it.
            if (!_channel.TrySend(first with { Supervisor = State() }, files))
            {
                return "cannot hand the mount on";
            }

            var error = (_program is null ? _options.StartWorker : _options.StartOther(_program))(theirs, out var process);
            if (error == Errno.None)
            {
                error = Libc.OpenProcess(process, out var handle);
                if (error == Errno.None)
                {
                    if (_worker != _hung)
                    {
                        _worker?.Dispose();
                    }

                    _worker = new WorkerProcess(process, handle!);
                    _isKilled = false;
                    return "";
                }

                // Two must never serve.
                Libc.EndProcess(process);
            }

            return $"cannot start the process that serves the mount: {LinuxException.Describe(error)}";
        }
    }

    private void TakeMessage(WorkerProcess worker)
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
            worker.Kill();
            message = null;
        }

        if (message is null)
        {
            // It ends, or has closed the channel, which it must not: its end follows.
            files.ForEach(static file => file.Dispose());
            _channel!.Dispose();
            _channel = null;
            worker.Pinged ??= Stopwatch.GetTimestamp();
            return;
        }

        switch (message.Kind)
        {
            case MessageKind.Note:
                _options.Note(message.Text ?? "");
                break;
            case MessageKind.Failed:
                _startFailed = true;
                worker.EndedWith = message.Status ?? 1;
                _lastReason = message.Text;
                if (_kept is null)
                {
                    _options.Failed(message.Status ?? 1, message.Text ?? "");
                }

                break;
            case MessageKind.Mounted:
                _made = message.Made;
                break;
            case MessageKind.Keep:
                Keep(message.Mount!, KeptFiles.Take(files, message.Mount!.Daemon is not null));
                if (_stopping is null)
                {
                    _options.Ready(message.Mount);
                }
                else
                {
                    // It was not wanted any more when it came.
                    UnmountLazily();
                    _options.Failed(1, "interrupted");
                }

                break;
            case MessageKind.Served:
                worker.HasServed = true;
                BecomeNext();
                break;
            case MessageKind.Upgrade:
                BeginUpgrade(message.Text ?? "");
                break;
            case MessageKind.Pong:
                worker.Pinged = null;
                BecomeNext();
                break;
            case MessageKind.DaemonEnded:
                _kept = _kept is null ? null : _kept with { Daemon = null };
                _files?.EndDaemon();
                break;
            case MessageKind.Unmount:
                var channel = _channel!;
                _ = Task.Run(() => Unmount(channel, message.Flag));
                break;
            case MessageKind.Stop:
                Stop();
                break;
            case MessageKind.Ended:
                worker.EndedWith = message.Status ?? 0;
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
            lock (_unmounting)
            {
                answer = answer with { Flag = _mount is null || _mount.TryUnmount(lazyWhenBusy: lazy) };
            }
        }
#pragma warning disable CA1031 // Whatever it is: who asked is told.
        catch (Exception e)
#pragma warning restore CA1031
        {
            answer = answer with { Text = e.Message };
        }

        channel.TrySend(answer);
    }

    private void BeginStop()
    {
        _stopping = Stopwatch.GetTimestamp();
        DropNext("the mount ends");
        UnmountLazily();
        _channel?.TrySend(new SupervisorMessage(MessageKind.Stop));
    }

    private void UnmountLazily()
    {
        try
        {
            lock (_unmounting)
            {
                if (_mount is not null)
                {
                    _mount.TryUnmount(lazyWhenBusy: true);
                }
                else if (_made is not null && _worker!.HasEnded(TimeSpan.Zero))
                {
                    FuseMount.UnmountLazily(_made);
                }
            }
        }
        catch (Exception e) when (e is FuseMountException or IOException)
        {
            _options.Log(e.Message);
        }
    }
}
