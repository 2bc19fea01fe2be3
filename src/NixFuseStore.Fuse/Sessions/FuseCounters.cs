using NixFuseStore.Fuse.Kernel;

namespace NixFuseStore.Fuse.Sessions;

/// <summary>Counts what is rare or happens off the dispatch threads; requests themselves are counted by each dispatcher alone.</summary>
internal sealed class FuseCounters
{
    private long _answersDropped;
    private long _deadlinesMissed;
    private long _errors;
    private long _interrupted;
    private long _malformed;
    private long _notifications;
    private long _unexpected;

    public void AnswerDropped() => Interlocked.Increment(ref _answersDropped);

    public void ErrorAnswered() => Interlocked.Increment(ref _errors);

    public void MalformedMessage() => Interlocked.Increment(ref _malformed);

    public void NotificationSent() => Interlocked.Increment(ref _notifications);

    public void UnexpectedException() => Interlocked.Increment(ref _unexpected);

    public void RequestInterrupted() => Interlocked.Increment(ref _interrupted);

    public void DeadlineMissed() => Interlocked.Increment(ref _deadlinesMissed);

    public FuseSessionStatistics Snapshot(ReadOnlySpan<FuseDispatcher> dispatchers, int inFlight)
    {
        var requests = new SortedDictionary<FuseOpcode, long>();
        long total = 0;
        for (var opcode = 0; opcode < FuseDispatcher.OpcodesCounted; opcode++)
        {
            long count = 0;
            foreach (var dispatcher in dispatchers)
            {
                count += dispatcher.RequestsOf(opcode);
            }

            if (count > 0)
            {
                requests.Add((FuseOpcode)opcode, count);
                total += count;
            }
        }

        return new FuseSessionStatistics(
            requests,
            total,
            Interlocked.Read(ref _errors),
            inFlight,
            Interlocked.Read(ref _interrupted),
            Interlocked.Read(ref _deadlinesMissed),
            Interlocked.Read(ref _answersDropped),
            Interlocked.Read(ref _malformed),
            Interlocked.Read(ref _unexpected),
            Interlocked.Read(ref _notifications));
    }
}
