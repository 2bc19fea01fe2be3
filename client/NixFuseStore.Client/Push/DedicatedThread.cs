using System.Threading.Channels;

namespace NixFuseStore.Client.Push;

/// <summary>Runs work that computes or blocks for long outside the thread pool, whose few threads the transport needs.</summary>
internal static class DedicatedThread
{
    internal static Task RunAsync(Action work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>
    /// Blocks until there may be something to read, or never will be. Does not spin first, as waiting for a task does and whatever else .NET
    /// has for this: where something comes each millisecond, that took more of the processors than the work itself.
    /// </summary>
    internal static bool WaitToRead<T>(ChannelReader<T> reader, CancellationToken cancellationToken)
    {
        var ready = reader.WaitToReadAsync(cancellationToken).AsTask();
        if (!ready.IsCompleted)
        {
            ((IAsyncResult)ready).AsyncWaitHandle.WaitOne();
        }

        return ready.GetAwaiter().GetResult();
    }
}
