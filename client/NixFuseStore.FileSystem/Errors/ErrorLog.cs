namespace NixFuseStore.FileSystem.Errors;

/// <summary>
/// Log lines about failed requests, no more than a few a second: a program that meets a dead server fails thousands of times.
/// What was held back is counted and said with the next line.
/// </summary>
internal sealed class ErrorLog(Action<string>? write, TimeProvider time)
{
    private const int LinesPerInterval = 5;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private DateTimeOffset _intervalEnd;
    private int _lines;
    private long _heldBack;
    private long _failures;

    /// <summary>Requests that failed.</summary>
    public long Failures => Interlocked.Read(ref _failures);

    public void Failed(string operation, string target, Exception exception)
    {
        Interlocked.Increment(ref _failures);
        if (write is null)
        {
            return;
        }

        long heldBack;
        lock (_gate)
        {
            var now = time.GetUtcNow();
            if (now >= _intervalEnd)
            {
                _intervalEnd = now + Interval;
                _lines = 0;
            }

            if (++_lines > LinesPerInterval)
            {
                _heldBack++;
                return;
            }

            (heldBack, _heldBack) = (_heldBack, 0);
        }

        var more = heldBack > 0 ? $" (and {heldBack} more since the last line)" : "";
        write($"{operation} {target}: {ErrorMap.Describe(exception)}{more}");
    }
}
