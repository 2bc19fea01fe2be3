namespace NixFuseStore.Client.Prefetch;

/// <summary>Fetching that no caller asked for: its failures are told to none. A read of the same is told the error.</summary>
internal static class BackgroundPrefetch
{
    /// <summary>Starts work behind what the caller does, so that what the reader himself waits for goes first.</summary>
    /// <param name="work">The work.</param>
    /// <param name="onFailed">Called where it failed; may be null.</param>
    /// <param name="onEnded">Called at its end in any case; may be null.</param>
    public static void Start(Func<Task> work, Action? onFailed = null, Action? onEnded = null) => _ = RunAsync(work, onFailed, onEnded);

    private static async Task RunAsync(Func<Task> work, Action? onFailed, Action? onEnded)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            await work().ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            onFailed?.Invoke();
        }
        finally
        {
            onEnded?.Invoke();
        }
    }
}
