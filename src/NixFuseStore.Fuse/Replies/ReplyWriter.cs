using NixFuseStore.Fuse.Channels;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Replies;

/// <summary>The only way out for answers, and what those that wait for theirs share. One for each session.</summary>
/// <param name="channel">The line to the kernel.</param>
/// <param name="time">For deadlines.</param>
/// <param name="isEnding">Whether a thread is about to die of a signal.</param>
/// <param name="onUnexpected">Told an operation and what should not have been thrown in it.</param>
/// <param name="trace">Is shown what is answered; null for no trace.</param>
/// <param name="onFirstAnswer">Called once; null for nothing.</param>
internal sealed unsafe class ReplyWriter(
    IFuseChannel channel, TimeProvider time, Func<uint, bool> isEnding, Action<string, Exception>? onUnexpected, RequestTrace? trace, Action? onFirstAnswer)
{
    // The kernel takes error numbers below this; a larger one would leave the request without an answer.
    private const int ErrnoMax = 511;

    private Action? _onFirstAnswer = onFirstAnswer;

    internal FuseCounters Counters { get; } = new();

    internal PendingRequests Pending { get; } = new();

    internal TimeProvider Time => time;

    internal Func<uint, bool> IsEnding => isEnding;

    /// <summary>Sends an answer; false when the kernel did not want it any more.</summary>
    internal bool Write(ulong unique, FuseOpcode opcode, Errno error, ReadOnlySpan<IoVector> body)
    {
        if (body.Length > FuseLimits.SegmentsMax || (uint)error > ErrnoMax)
        {
            ReportUnexpected(opcode, new InvalidOperationException($"{opcode}: answer of {body.Length} segments, error {(int)error}."));
            error = Errno.EIO;
            body = default;
        }

        trace?.Reply(unique, opcode, error, body);

        // 1. The length has to be right to the byte, or the kernel ignores the answer and its program waits for ever.
        ulong bytes = (ulong)sizeof(FuseOutHeader);
        foreach (ref readonly var segment in body)
        {
            bytes += segment.Length;
        }

        // 2. Header and body leave as one message, from where they lie.
        var header = new FuseOutHeader((uint)bytes, -(int)error, unique);
        var message = stackalloc IoVector[body.Length + 1];
        message[0] = new IoVector(&header, (nuint)sizeof(FuseOutHeader));
        body.CopyTo(new Span<IoVector>(message + 1, body.Length));
        var outcome = channel.Write(new ReadOnlySpan<IoVector>(message, body.Length + 1));

        // 3. Count. Absent names and operations that are not there are ordinary answers.
        if (error is not (Errno.None or Errno.ENOENT or Errno.ENOSYS or Errno.ENOTTY))
        {
            Counters.ErrorAnswered();
        }

        if (outcome == Errno.None)
        {
            if (_onFirstAnswer is not null)
            {
                Interlocked.Exchange(ref _onFirstAnswer, null)?.Invoke();
            }

            return true;
        }

        Counters.AnswerDropped();
        if (outcome is not (Errno.ENOENT or Errno.ENODEV or Errno.ENOTCONN or Errno.ECONNABORTED or Errno.EPERM))
        {
            // ENOENT: the request is gone; the others: the mount is. Anything else means that the answer itself was wrong.
            ReportUnexpected(opcode, new LinuxException($"answer to {opcode}", outcome));
        }

        return false;
    }

    /// <summary>The one place where an exception becomes an answer.</summary>
    internal void AnswerUnexpected(FuseResponder responder, FuseOpcode opcode, Exception exception)
    {
        // Counted before the answer, so that the one that has the answer sees it counted; told after it, since telling may take time.
        Counters.UnexpectedException();
        responder.Error(Errno.EIO);
        onUnexpected?.Invoke(OpcodeTable.Find(opcode).Name, exception);
    }

    /// <summary>Tells of what went wrong beside an answer.</summary>
    internal void ReportUnexpected(FuseOpcode opcode, Exception exception)
    {
        Counters.UnexpectedException();
        onUnexpected?.Invoke(OpcodeTable.Find(opcode).Name, exception);
    }
}
