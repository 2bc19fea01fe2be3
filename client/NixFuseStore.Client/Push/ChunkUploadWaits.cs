namespace NixFuseStore.Client.Push;

/// <summary>What still has to happen before the work can go on, chunks on their way above all. Ends once, with one of the two calls. Any thread.</summary>
/// <param name="ready">Called when the last wait has ended.</param>
/// <param name="failed">Called with the first failure; nothing is called afterwards.</param>
internal sealed class ChunkUploadWaits(Action ready, Action<Exception> failed)
{
    private int _waits;
    private int _ended;

    /// <summary>Whether one of them will not happen.</summary>
    internal bool HasFailed => Volatile.Read(ref _ended) != 0;

    /// <summary>One more thing must happen.</summary>
    internal void Add() => Interlocked.Increment(ref _waits);

    /// <summary>One of them has happened. The last one ends the wait.</summary>
    internal void End()
    {
        if (Interlocked.Decrement(ref _waits) == 0 && !HasFailed)
        {
            ready();
        }
    }

    /// <summary>One of them will not happen.</summary>
    internal void Fail(Exception exception)
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0)
        {
            failed(exception);
        }
    }
}
