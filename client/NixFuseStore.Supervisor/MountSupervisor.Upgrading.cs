using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Native.Linux;
using NixFuseStore.Supervisor.Messages;
using NixFuseStore.Supervisor.Workers;

namespace NixFuseStore.Supervisor;

/// <content>
/// Another version takes over without an unmounting: it makes ready beside the worker, which then stops and ends; two never serve at once.
/// When the new worker has served, this process becomes the other version, too.
/// </content>
public sealed partial class MountSupervisor
{
    /// <summary>How long another version may take to make ready.</summary>
    private static readonly TimeSpan PreparePatience = TimeSpan.FromSeconds(20);

    /// <summary>How long the worker may take to write what is to be written and end.</summary>
    private static readonly TimeSpan ReleasePatience = TimeSpan.FromSeconds(15);

    // Used by the supervisor's thread alone: the worker that makes ready, and the program that workers are of; null for this one.
    private Candidate? _next;
    private string? _program;

    private void BeginUpgrade(string program)
    {
        if (_next is not null || _stopping is not null || _kept is null)
        {
            Refuse("another change of this mount is under way");
            return;
        }

        try
        {
            var (ours, theirs) = Libc.CreateMessageSockets();
            using (theirs)
            {
                var channel = new MessageChannel(ours);
                var error = !channel.TrySend(new SupervisorMessage(MessageKind.Prepare) { Mount = _kept, Supervisor = State(), Text = "another version takes over" }, _files!.All)
                    ? Errno.EAGAIN
                    : _options.StartOther(program)(theirs, out var process) is not Errno.None and var failed ? failed
                    : Track(process, channel, program);
                if (error != Errno.None)
                {
                    channel.Dispose();
                    Refuse($"cannot start {program}: {LinuxException.Describe(error)}");
                }
            }
        }
        catch (Exception e) when (e is LinuxException or IOException)
        {
            Refuse($"cannot start {program}: {e.Message}");
        }
    }

    private Errno Track(int process, MessageChannel channel, string program)
    {
        var error = Libc.OpenProcess(process, out var handle);
        if (error != Errno.None)
        {
            Libc.EndProcess(process);
            return error;
        }

        _next = new Candidate(new WorkerProcess(process, handle!), channel, program);
        return Errno.None;
    }

    private void LookAtNext(bool hasMessage)
    {
        if (_next is not { } next)
        {
            return;
        }

        // 1. What it says.
        if (hasMessage)
        {
            List<SafeFileHandle> files = [];
            SupervisorMessage? message;
            try
            {
                message = next.Channel.Receive(files);
            }
            catch (InvalidDataException e)
            {
                message = new SupervisorMessage(MessageKind.Failed) { Text = e.Message };
            }

            files.ForEach(static file => file.Dispose());
            switch (message?.Kind)
            {
                case MessageKind.Prepared when next.Released is null:
                    // The old one tells who asked, and ends.
                    next.Released = Stopwatch.GetTimestamp();
                    _channel?.TrySend(new SupervisorMessage(MessageKind.Upgrading));
                    _channel?.TrySend(new SupervisorMessage(MessageKind.Release));
                    break;
                case null or MessageKind.Failed:
                    DropNext(message?.Text ?? "it has ended");
                    break;
                default:
                    break;
            }

            return;
        }

        // 2. How long it takes.
        if (next.Released is { } released ? Stopwatch.GetElapsedTime(released) > ReleasePatience : next.Process.Lifetime > PreparePatience)
        {
            if (next.Released is null)
            {
                DropNext("it was not ready in time");
            }
            else
            {
                // Its end is found at the next look, and the other one goes on.
                _worker!.Kill();
            }
        }
    }

    /// <summary>The worker has ended, or is out of the way: where another version is ready, it goes on.</summary>
    private bool TryHandToNext(WorkerProcess worker)
    {
        if (_next is not { Released: not null } next || !next.Channel.TrySend(new SupervisorMessage(MessageKind.Go)))
        {
            return false;
        }

        if (worker != _hung)
        {
            worker.Dispose();
        }

        _channel?.Dispose();
        (_worker, _channel, _program, _next) = (next.Process, next.Channel, next.Program, null);
        _startFailed = false;
        return true;
    }

    /// <summary>The other version serves, or lives at least: this process becomes one of it.</summary>
    private void BecomeNext()
    {
        if (_program is not { } program || _channel is null || _stopping is not null)
        {
            return;
        }

        _channel.TrySend(new SupervisorMessage(MessageKind.Restarting) { Supervisor = State() });
        _options.Become(program, _channel.Socket);
    }

    private void DropNext(string reason)
    {
        if (_next is not { } next)
        {
            return;
        }

        _next = null;
        next.Process.Kill();
        next.Process.HasEnded(EndPatience);
        next.Process.DescribeEnd();
        next.Dispose();
        Refuse($"{next.Program} cannot go on with the mount: {reason}");
    }

    private void Refuse(string reason)
    {
        _options.Log($"no upgrade: {reason}");
        _channel?.TrySend(new SupervisorMessage(MessageKind.Upgrading) { Text = reason });
    }

    /// <summary>A worker of another version that makes ready.</summary>
    private sealed class Candidate(WorkerProcess process, MessageChannel channel, string program) : IDisposable
    {
        public WorkerProcess Process => process;

        public MessageChannel Channel => channel;

        public string Program => program;

        /// <summary>When the worker before was told to end; null until this one is ready.</summary>
        public long? Released { get; set; }

        public void Dispose()
        {
            process.Dispose();
            channel.Dispose();
        }
    }
}
