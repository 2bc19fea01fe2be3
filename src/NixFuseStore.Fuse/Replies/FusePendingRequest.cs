using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Replies;

/// <summary>
/// A request that left the dispatch thread. It is answered exactly once: by the work that was deferred, or before that by
/// the end of the program that waits, its deadline or the end of the session.
/// </summary>
#pragma warning disable CA1001 // The source has neither timer nor wait handle, so there is nothing to dispose; and late work may still look at its token.
public abstract class FusePendingRequest : FuseResponder, IThreadPoolWorkItem
#pragma warning restore CA1001
{
    /// <summary>The kernel interrupts a request once, at the first signal. Whether a later one is deadly must be looked at.</summary>
    private static readonly TimeSpan EndingLookInterval = TimeSpan.FromMilliseconds(100);

    private readonly FuseOpcode _opcode;
    private readonly uint _caller;
    private readonly CancellationTokenSource _cancellation = new();
    private ITimer? _deadline;

    // Set by the thread that reads the interrupt, disposed by the one that answers: the second of them does the disposing.
    private ITimer? _endingLooks;

    // Guarded by the table of pending requests: a re-sent request changes the id while the work goes on.
    private ulong _unique;

    private protected FusePendingRequest(ReplyWriter writer, ulong unique, FuseOpcode opcode, uint caller)
        : base(writer)
    {
        _unique = unique;
        _opcode = opcode;
        _caller = caller;
    }

    /// <summary>Cancelled once no caller waits for the answer any more. Callbacks run on the thread pool.</summary>
    public CancellationToken Token => _cancellation.Token;

    /// <summary>Whether <see cref="Token"/> was cancelled since the deadline passed, and not since no caller waits.</summary>
    public bool DeadlineMissed { get; private set; }

    /// <summary>The id to answer with. Only the table of pending requests may touch it, under its lock.</summary>
    internal ulong Unique
    {
        get => _unique;
        set => _unique = value;
    }

    internal FuseOpcode Opcode => _opcode;

    /// <summary>Enters the request into the session's table and starts its work and its clock.</summary>
    internal void Start(TimeSpan deadline)
    {
        if (!Writer.Pending.TryAdd(this, out var interrupted))
        {
            // The session is stopping.
            Writer.Write(_unique, _opcode, Errno.EIO, default);
            _cancellation.Cancel();
            return;
        }

        if (deadline != Timeout.InfiniteTimeSpan)
        {
            _deadline = Writer.Time.CreateTimer(static self => ((FusePendingRequest)self!).OnTimer(static request => request.MissDeadline()), this, deadline, Timeout.InfiniteTimeSpan);
        }

        if (interrupted)
        {
            // By an interrupt that overtook the request on another thread.
            Interrupt();
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>
    /// A signal is pending for the program that waits. When it ends the program, the answer is EINTR, now or as soon as that is seen;
    /// any other signal has to wait for the answer: programs do not expect EINTR from looking up a file.
    /// </summary>
    internal void Interrupt()
    {
        if (EndIfEnding())
        {
            return;
        }

        var looks = Writer.Time.CreateTimer(
            static self => ((FusePendingRequest)self!).OnTimer(static request => request.EndIfEnding()), this, EndingLookInterval, EndingLookInterval);
        Interlocked.Exchange(ref _endingLooks, looks)?.Dispose();
        if (!Writer.Pending.Contains(this))
        {
            looks.Dispose();
        }
    }

    /// <summary>Answers with <paramref name="error"/> and cancels the work, unless the answer was given already.</summary>
    /// <returns>Whether this gave the answer.</returns>
    internal bool Abandon(Errno error)
    {
        var answered = Error(error);
        Cancel();
        return answered;
    }

    /// <summary>Cancels the token away from the calling thread: callbacks are others' code and may be slow.</summary>
    internal void Cancel() => _ = _cancellation.CancelAsync();

    /// <inheritdoc/>
    void IThreadPoolWorkItem.Execute() => _ = RunAsync();

    // An exception that leaves a timer ends the process, and with it the mount.
    private void OnTimer(Action<FusePendingRequest> look)
    {
        try
        {
            look(this);
        }
#pragma warning disable CA1031 // Whatever it is, it concerns this request alone.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Writer.ReportUnexpected(_opcode, exception);
        }
    }

    private bool EndIfEnding()
    {
        if (!Writer.IsEnding(_caller))
        {
            return false;
        }

        if (Abandon(Errno.EINTR))
        {
            Writer.Counters.RequestInterrupted();
        }

        return true;
    }

    private void MissDeadline()
    {
        // Before the work is cancelled, which looks at it.
        DeadlineMissed = true;
        if (Abandon(Errno.EIO))
        {
            Writer.Counters.DeadlineMissed();
        }
    }

    private async Task RunAsync()
    {
        try
        {
            if (!Token.IsCancellationRequested)
            {
                await WorkAsync().ConfigureAwait(false);
            }

            if (Writer.Pending.Contains(this))
            {
                throw new InvalidOperationException($"The work for {_opcode} ended without an answer.");
            }
        }
        catch (OperationCanceledException) when (Token.IsCancellationRequested)
        {
            // Answered already by the one that cancelled.
        }
#pragma warning disable CA1031 // Whatever goes wrong in a file system, the program that waits gets an answer.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Writer.AnswerUnexpected(this, _opcode, exception);
        }
    }

    private protected abstract Task WorkAsync();

    private protected override bool TryClaim(out ulong unique, out FuseOpcode opcode)
    {
        opcode = _opcode;
        if (!Writer.Pending.TryRemove(this, out unique))
        {
            return false;
        }

        _deadline?.Dispose();
        Volatile.Read(ref _endingLooks)?.Dispose();
        return true;
    }
}
