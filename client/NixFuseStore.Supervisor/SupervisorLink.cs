using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Fuse.Mounting;
using NixFuseStore.Native.Linux;
using NixFuseStore.Supervisor.Messages;

namespace NixFuseStore.Supervisor;

/// <summary>
/// A worker's link to its supervisor. Where that one dies, the worker goes on serving, starts another, and hands it the mount. Any thread.
/// </summary>
public sealed class SupervisorLink : IDisposable
{
    /// <summary>After a supervisor that has died before it had the mount; any other is followed at once.</summary>
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan UnmountPatience = TimeSpan.FromSeconds(30);

    private readonly WorkerStarter _startSupervisor;
    private readonly Action<string> _log;
    private readonly TaskCompletionSource _stop = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _go = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();

    // Guarded by _gate.
    private MessageChannel _channel;
    private KeptMount? _kept;
    private KeptFiles? _files;
    private TaskCompletionSource<SupervisorMessage>? _unmounting;
    private SupervisorMessage? _unmountRequest;
    private TaskCompletionSource<string?>? _upgrading;
    private bool _stopRequested;
    private bool _ending;
    private int _served;

    // Used by the listening thread alone.
    private int _child;
    private bool _hasAdopted;

    private SupervisorLink(MessageChannel channel, SupervisorMessage first, KeptFiles? files, WorkerStarter startSupervisor, Action<string> log)
    {
        _channel = channel;
        _kept = first.Mount;
        _files = files;
        _startSupervisor = startSupervisor;
        _log = log;
        Supervisor = first.Supervisor!;
        ResumeReason = first.Text;
        IsCandidate = first.Kind == MessageKind.Prepare;
        OutOfMemoryScore.TryWrite(Supervisor.OutOfMemoryScore);
    }

    /// <summary>What is known of the supervisor.</summary>
    public SupervisorState Supervisor { get; private set; }

    /// <summary>The mount to go on with; null where it has to be made.</summary>
    public KeptMount? Resumed => _kept;

    /// <summary>Its open files, which stay this link's.</summary>
    public KeptFiles? Files => _files;

    /// <summary>Whether the mount outlives this process.</summary>
    public bool IsKept
    {
        get
        {
            lock (_gate)
            {
                return _kept is not null;
            }
        }
    }

    /// <summary>Why the worker before has ended.</summary>
    public string? ResumeReason { get; }

    /// <summary>Whether another process still serves the mount: see <see cref="WaitForTurnAsync"/>.</summary>
    public bool IsCandidate { get; private set; }

    /// <summary>Ends when this process is to stop serving, write what is to be written, and end: another one goes on.</summary>
    public Task Released => _release.Task;

    /// <summary>Ends when the mount has been ended by the supervisor, and everything is to be put away.</summary>
    public Task Stopped => _stop.Task;

    /// <summary>The link of a process that a supervisor has started.</summary>
    /// <param name="channel">The channel; the link's from now on.</param>
    /// <param name="startSupervisor">Starts another supervisor, which adopts what it is sent.</param>
    /// <param name="log">A line for the mount's log.</param>
    /// <exception cref="InvalidDataException">The supervisor is of another version, or gone.</exception>
    public static SupervisorLink Open(SafeFileHandle channel, WorkerStarter startSupervisor, Action<string> log)
    {
        var messages = new MessageChannel(channel);
        List<SafeFileHandle> files = [];
        if (messages.Receive(files) is not { Supervisor: not null } first)
        {
            throw new InvalidDataException("the supervisor of the mount is gone");
        }

        var link = new SupervisorLink(
            messages, first, first.Mount is { } mount ? KeptFiles.Take(files, mount.Daemon is not null) : null, startSupervisor, log);
        new Thread(link.Listen) { IsBackground = true, Name = "supervisor" }.Start();
        return link;
    }

    /// <summary>A line for the user who waits for the mount.</summary>
    public void Note(string text) => Send(new SupervisorMessage(MessageKind.Note) { Text = text });

    /// <summary>Starting failed.</summary>
    public void Fail(int status, string text) => Send(new SupervisorMessage(MessageKind.Failed) { Status = status, Text = text });

    /// <summary>There is a mount. Should this process die before it is usable, the supervisor takes it away.</summary>
    public void Made(FuseMountState mount) => Send(new SupervisorMessage(MessageKind.Mounted) { Made = mount });

    /// <summary>The mount is usable: from now on it outlives this process.</summary>
    /// <param name="mount">The mount.</param>
    /// <param name="files">Its open files; owned by the link, though used by others.</param>
    /// <exception cref="IOException">The supervisor is gone, and the mount still this process's.</exception>
    public void Keep(KeptMount mount, KeptFiles files)
    {
        lock (_gate)
        {
            if (!_channel.TrySend(new SupervisorMessage(MessageKind.Keep) { Mount = mount }, files.All))
            {
                throw new IOException("the supervisor of the mount is gone");
            }

            (_kept, _files) = (mount, files);
        }
    }

    /// <summary>The mount's Nix daemon has ended: its socket is closed here and at the supervisor.</summary>
    public void EndDaemon()
    {
        lock (_gate)
        {
            _kept = _kept is null ? null : _kept with { Daemon = null };
            _files?.EndDaemon();
            Send(new SupervisorMessage(MessageKind.DaemonEnded));
        }
    }

    /// <summary>A request of the kernel was answered. Only the first call says so.</summary>
    public void Served()
    {
        if (Interlocked.Exchange(ref _served, 1) == 0)
        {
            Send(new SupervisorMessage(MessageKind.Served));
        }
    }

    /// <summary>Of a candidate: ready. Ends when the other process has ended; nothing of the mount may be used before.</summary>
    /// <exception cref="IOException">The supervisor has gone, or wants another one.</exception>
    public async Task WaitForTurnAsync()
    {
        Send(new SupervisorMessage(MessageKind.Prepared));
        await _go.Task.ConfigureAwait(false);
    }

    /// <summary>Has another program serve the mount.</summary>
    /// <param name="program">Its path.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>Why not; null where it is ready, and this process is about to end.</returns>
    public async Task<string?> UpgradeAsync(string program, CancellationToken cancellationToken)
    {
        TaskCompletionSource<string?> answer;
        lock (_gate)
        {
            if (_upgrading is not null)
            {
                return "another upgrade is under way";
            }

            answer = _upgrading = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
            Send(new SupervisorMessage(MessageKind.Upgrade) { Text = program });
        }

        return await answer.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Has the mount ended.</summary>
    public void RequestStop()
    {
        lock (_gate)
        {
            _stopRequested = true;
            Send(new SupervisorMessage(MessageKind.Stop));
        }
    }

    /// <summary>Has the supervisor unmount.</summary>
    /// <param name="lazy">Also while it is in use.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>False where it is in use.</returns>
    /// <exception cref="IOException">It cannot be unmounted, or the supervisor does not answer.</exception>
    public async Task<bool> UnmountAsync(bool lazy, CancellationToken cancellationToken)
    {
        TaskCompletionSource<SupervisorMessage> answer;
        lock (_gate)
        {
            answer = _unmounting ??= new TaskCompletionSource<SupervisorMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
            _unmountRequest = new SupervisorMessage(MessageKind.Unmount) { Flag = lazy };
            Send(_unmountRequest);
        }

        try
        {
            var unmounted = await answer.Task.WaitAsync(UnmountPatience, cancellationToken).ConfigureAwait(false);
            return unmounted.Text is { } failure ? throw new IOException(failure) : unmounted.Flag;
        }
        catch (TimeoutException)
        {
            throw new IOException($"the supervisor of the mount, process {Supervisor.ProcessId}, does not answer");
        }
    }

    /// <summary>Everything is put away: no other worker is to follow.</summary>
    public void End(int status)
    {
        lock (_gate)
        {
            _ending = true;
        }

        Send(new SupervisorMessage(MessageKind.Ended) { Status = status });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            _ending = true;
            _channel.Dispose();
            _files?.Dispose();
        }
    }

    private void Send(SupervisorMessage message, params ReadOnlySpan<SafeHandle> files)
    {
        lock (_gate)
        {
            // Where it has gone, another one is told what it needs to know.
            _channel.TrySend(message, files);
        }
    }

    private void Listen()
    {
        List<SafeFileHandle> files = [];
        while (true)
        {
            // 1. The next message, or the end.
            SupervisorMessage? message;
            try
            {
                message = _channel.Receive(files);
            }
            catch (Exception e) when (e is InvalidDataException or ObjectDisposedException)
            {
                message = null;
            }

            files.ForEach(static file => file.Dispose());
            files.Clear();
            switch (message?.Kind)
            {
                case null when !TryReplaceSupervisor():
                    return;
                case MessageKind.Ping:
                    // By the threads that all work depends on.
                    ThreadPool.UnsafeQueueUserWorkItem(static link => link.Send(new SupervisorMessage(MessageKind.Pong)), this, preferLocal: false);
                    break;
                case MessageKind.Unmounted:
                    lock (_gate)
                    {
                        (var waiting, _unmounting, _unmountRequest) = (_unmounting, null, null);
                        waiting?.TrySetResult(message);
                    }

                    break;
                case MessageKind.Stop:
                    _stop.TrySetResult();
                    break;
                case MessageKind.Go:
                    IsCandidate = false;
                    _go.TrySetResult();
                    break;
                case MessageKind.Release:
                    _release.TrySetResult();
                    break;
                case MessageKind.Upgrading:
                    lock (_gate)
                    {
                        (var asked, _upgrading) = (_upgrading, null);
                        asked?.TrySetResult(message.Text);
                    }

                    break;
                case MessageKind.Restarting:
                    Supervisor = message.Supervisor!;
                    lock (_gate)
                    {
                        TrySendAdopt(_kept!, _files!);
                    }

                    break;
                case MessageKind.Adopted:
                    Supervisor = message.Supervisor!;
                    _hasAdopted = true;
                    RepeatRequests();
                    _log($"process {Supervisor.ProcessId} supervises the mount now");
                    break;
                default:
                    break;
            }
        }
    }

    // What the supervisor before was asked for and may not have done.
    private void RepeatRequests()
    {
        lock (_gate)
        {
            if (_stopRequested)
            {
                Send(new SupervisorMessage(MessageKind.Stop));
            }

            if (_unmountRequest is not null)
            {
                Send(_unmountRequest);
            }
        }
    }

    /// <summary>False where there is nothing to supervise, or everything is being put away.</summary>
    private bool TryReplaceSupervisor()
    {
        while (true)
        {
            // 1. One that died at once would do so again.
            if (_child != 0)
            {
                if (!_hasAdopted)
                {
                    Thread.Sleep(RetryPause);
                }

                Libc.Reap(_child);
                _child = 0;
            }

            lock (_gate)
            {
                if (_ending)
                {
                    return false;
                }

                if (IsCandidate)
                {
                    // The mount is another process's.
                    _go.TrySetException(new IOException("the supervisor has ended"));
                    return false;
                }

                if (_kept is null)
                {
                    // Without a mount that could be kept, this process is of no use.
                    _stop.TrySetResult();
                    return false;
                }

                // 2. The next.
                _hasAdopted = false;
                if (TryHandOver(_kept, _files!))
                {
                    return true;
                }
            }

            Thread.Sleep(RetryPause);
        }
    }

    // Under the lock.
    private bool TryHandOver(KeptMount kept, KeptFiles files)
    {
        try
        {
            _channel.Dispose();
            var (ours, theirs) = Libc.CreateMessageSockets();
            _channel = new MessageChannel(ours);
            using (theirs)
            {
                return TrySendAdopt(kept, files) && _startSupervisor(theirs, out _child) == Errno.None;
            }
        }
        catch (Exception e) when (e is LinuxException or IOException)
        {
            _log($"cannot start another supervisor of the mount: {e.Message}");
            return false;
        }
    }

    // Under the lock.
    private bool TrySendAdopt(KeptMount kept, KeptFiles files)
    {
        if (Libc.OpenProcess(Environment.ProcessId, out var self) != Errno.None)
        {
            return false;
        }

        using (self)
        {
            return _channel.TrySend(
                new SupervisorMessage(MessageKind.Adopt) { Mount = kept, Supervisor = Supervisor, ProcessId = Environment.ProcessId }, [.. files.All, self!]);
        }
    }
}
