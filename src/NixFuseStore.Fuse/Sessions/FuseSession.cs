using NixFuseStore.Fuse.Channels;
using NixFuseStore.Fuse.FileSystems;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Replies;

namespace NixFuseStore.Fuse.Sessions;

/// <summary>
/// Serves one mount: reads requests on threads of its own, has <see cref="IFuseFileSystem"/> answer them, and sees to it
/// that each gets exactly one answer. Split by concern: lifetime here, the handshake in
/// FuseSession.Negotiation.cs, the loop of a thread in <see cref="FuseDispatcher"/>, answering in <see cref="ReplyWriter"/>.
/// </summary>
public sealed partial class FuseSession
{
    private readonly IFuseChannel _channel;
    private readonly FuseSessionOptions _options;
    private readonly FuseDispatcher[] _dispatchers;
    private readonly TaskCompletionSource<FuseSessionEnd> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _running; // dispatch threads still reading
    private int _started;
    private volatile Exception? _broken; // what ended a dispatch thread that should not have ended
    private volatile FuseSessionEnd _end; // the same for every thread: the line ends for all of them

    /// <summary>Prepares a session; <see cref="Start"/> starts it.</summary>
    /// <param name="channel">The line to the kernel. Not disposed by the session.</param>
    /// <param name="fileSystem">Answers requests.</param>
    /// <param name="options">Null for the defaults.</param>
    public FuseSession(IFuseChannel channel, IFuseFileSystem fileSystem, FuseSessionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(channel);
        ArgumentNullException.ThrowIfNull(fileSystem);
        _channel = channel;
        FileSystem = fileSystem;
        _options = options ?? new FuseSessionOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.DispatchThreads, 1, nameof(options));
        Trace = _options.Trace is { } print ? new RequestTrace(print, _options.Time) : null;
        Replies = new ReplyWriter(channel, _options.Time, _options.IsEnding, _options.OnUnexpected, Trace, _options.OnFirstAnswer);
        Notifier = new FuseNotifier(channel, Replies.Counters);
        if (_options.Resume is { } connection)
        {
            _connection.SetResult(connection);
        }

        _dispatchers = new FuseDispatcher[_options.DispatchThreads];
        for (var i = 0; i < _dispatchers.Length; i++)
        {
            _dispatchers[i] = new FuseDispatcher(this, channel);
        }
    }

    /// <summary>Sends notifications to the kernel.</summary>
    public FuseNotifier Notifier { get; }

    /// <summary>Ends when no thread reads requests any more; fails with what broke the line.</summary>
    public Task<FuseSessionEnd> Completion => _completion.Task;

    internal IFuseFileSystem FileSystem { get; }

    internal ReplyWriter Replies { get; }

    internal RequestTrace? Trace { get; }

    /// <summary>
    /// Starts the dispatch threads. Of a mount that another process served, what that one has read and not answered is sent again first; it
    /// must have ended, or stopped reading.
    /// </summary>
    public void Start()
    {
        if (Interlocked.Exchange(ref _started, 1) != 0)
        {
            throw new InvalidOperationException("The session was started before.");
        }

        if (_options.Resume is { Features: var features } && features.HasFlag(FuseFeatures.Resend))
        {
            _ = Notifier.Resend();
        }

        _running = _dispatchers.Length;
        for (var i = 0; i < _dispatchers.Length; i++)
        {
            var dispatcher = _dispatchers[i];
            new Thread(() => RunDispatcher(dispatcher)) { IsBackground = true, Name = $"fuse-{i}" }.Start();
        }
    }

    /// <summary>
    /// Stops reading requests, gives pending ones until <paramref name="drain"/> to be answered, and then answers the rest
    /// EIO. The mount stays: unmount first, or let another process go on serving it.
    /// </summary>
    /// <param name="drain">How long to wait for pending requests.</param>
    /// <param name="leaveUnanswered">Leave the rest to a successor, to whom the kernel sends them again (<see cref="FuseNotifier.Resend"/>).</param>
    public async Task StopAsync(TimeSpan drain, bool leaveUnanswered = false)
    {
        // 1. No new requests. A session that never started has no thread to end.
        if (Interlocked.Exchange(ref _started, 1) == 0)
        {
            _completion.TrySetResult(FuseSessionEnd.Stopped);
        }

        _channel.StopReaders();
        await Completion.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default).ConfigureAwait(false);

        // 2. What is under way may end in peace.
        await Replies.Pending.WhenEmpty().WaitAsync(drain, _options.Time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        // 3. The rest is cut off, and nothing new is taken in.
        foreach (var request in Replies.Pending.Close(forget: leaveUnanswered))
        {
            if (leaveUnanswered)
            {
                request.Cancel();
            }
            else
            {
                request.Abandon(Native.Linux.Errno.EIO);
            }
        }
    }

    /// <summary>What the session has done so far. Cheap: figures are added up here, not where they are counted.</summary>
    public FuseSessionStatistics GetStatistics()
    {
        var requests = new SortedDictionary<FuseOpcode, long>();
        for (var opcode = 0; opcode < FuseDispatcher.OpcodesCounted; opcode++)
        {
            var count = _dispatchers.Sum(dispatcher => dispatcher.RequestsOf(opcode));
            if (count > 0)
            {
                requests.Add((FuseOpcode)opcode, count);
            }
        }

        var counters = Replies.Counters;
        return new FuseSessionStatistics(
            requests,
            requests.Values.Sum(),
            counters.Errors,
            Replies.Pending.Count,
            counters.Interrupted,
            counters.DeadlinesMissed,
            counters.AnswersDropped,
            counters.Malformed,
            counters.Unexpected,
            counters.Notifications);
    }

    private void RunDispatcher(FuseDispatcher dispatcher)
    {
        try
        {
            _end = dispatcher.Run();
        }
#pragma warning disable CA1031 // A broken line ends the session, and Completion says why.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _broken = exception;
            _channel.StopReaders();
        }

        if (Interlocked.Decrement(ref _running) > 0)
        {
            return;
        }

        if (_broken is { } cause)
        {
            _completion.TrySetException(cause);
        }
        else
        {
            _completion.TrySetResult(_end);
        }
    }
}
