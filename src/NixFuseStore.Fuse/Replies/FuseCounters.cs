namespace NixFuseStore.Fuse.Replies;

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

    public long AnswersDropped => Interlocked.Read(ref _answersDropped);

    public long DeadlinesMissed => Interlocked.Read(ref _deadlinesMissed);

    public long Errors => Interlocked.Read(ref _errors);

    public long Interrupted => Interlocked.Read(ref _interrupted);

    public long Malformed => Interlocked.Read(ref _malformed);

    public long Notifications => Interlocked.Read(ref _notifications);

    public long Unexpected => Interlocked.Read(ref _unexpected);

    public void AnswerDropped() => Interlocked.Increment(ref _answersDropped);

    public void ErrorAnswered() => Interlocked.Increment(ref _errors);

    public void MalformedMessage() => Interlocked.Increment(ref _malformed);

    public void NotificationSent() => Interlocked.Increment(ref _notifications);

    public void UnexpectedException() => Interlocked.Increment(ref _unexpected);

    public void RequestInterrupted() => Interlocked.Increment(ref _interrupted);

    public void DeadlineMissed() => Interlocked.Increment(ref _deadlinesMissed);
}
