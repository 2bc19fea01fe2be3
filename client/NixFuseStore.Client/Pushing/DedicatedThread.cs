namespace NixFuseStore.Client.Pushing;

/// <summary>Runs work that computes or blocks for long outside the thread pool, whose few threads the transport needs.</summary>
internal static class DedicatedThread
{
    internal static Task RunAsync(Action work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
