namespace NixFuseStore.Storage.Base;

/// <summary>
/// Work that is done again and again for as long as a server runs. Whatever a round fails of, the next one comes: no exception ends the
/// loop, let alone the process, and no failure comes so fast that it fills log and processor.
/// </summary>
public static class SupervisedLoop
{
    /// <summary>A round that failed is repeated after this, then after twice as long, and so on.</summary>
    private static readonly TimeSpan RetryAfterLeast = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan RetryAfterMost = TimeSpan.FromSeconds(30);

    /// <summary>Runs rounds until told to stop; the task never fails.</summary>
    /// <param name="name">What the loop does, for the log.</param>
    /// <param name="round">One round; returns when it is done.</param>
    /// <param name="interval">The pause behind a round that went well.</param>
    /// <param name="time">The clock of the pauses.</param>
    /// <param name="failed">Is told the name and the reason of each failure.</param>
    /// <param name="stopping">Ends the loop.</param>
    public static async Task RunAsync(
        string name, Func<CancellationToken, Task> round, TimeSpan interval, TimeProvider time, Action<string, string> failed, CancellationToken stopping)
    {
        ArgumentNullException.ThrowIfNull(round);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(failed);
        var retryAfter = RetryAfterLeast;
        while (!stopping.IsCancellationRequested)
        {
            var pause = interval;
            try
            {
                await round(stopping).ConfigureAwait(false);
                retryAfter = RetryAfterLeast;
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // whatever a round fails of (no descriptors, no memory, a bug), the next one has to come
            catch (Exception exception)
#pragma warning restore CA1031
            {
                try
                {
                    failed(name, exception.Message);
                }
                catch (Exception)
                {
                    // A log that fails is no reason either.
                }

                pause = retryAfter;
                retryAfter = retryAfter * 2 < RetryAfterMost ? retryAfter * 2 : RetryAfterMost;
            }

            await Task.Delay(pause, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
