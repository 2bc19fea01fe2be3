using System.Collections.Concurrent;

namespace NixFuseStore.Storage.Base;

/// <summary>
/// One thread for work that waits for the disk: the pool has as few threads as there are cores, which everything else is served by, and a
/// thread for each piece of work costs more than the work. Runs pieces in their order; the thread begins with the first. Any thread may call.
/// </summary>
/// <param name="name">The thread's name.</param>
internal sealed class WorkerThread(string name) : IDisposable
{
    private readonly BlockingCollection<Action> _work = [];
    private readonly Lock _gate = new();
    private bool _begun;

    /// <summary>Runs <paramref name="work"/>; what it throws is the task's. Who awaits the task goes on elsewhere.</summary>
    /// <exception cref="InvalidOperationException">It was disposed.</exception>
    public Task RunAsync(Action work)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(() =>
        {
            try
            {
                work();
                done.SetResult();
            }
#pragma warning disable CA1031 // the exception is the caller's
            catch (Exception exception)
#pragma warning restore CA1031
            {
                done.SetException(exception);
            }
        });
        Begin();
        return done.Task;
    }

    /// <summary>Takes no more work; what is queued is still done.</summary>
    public void Dispose() => _work.CompleteAdding();

    private void Begin()
    {
        lock (_gate)
        {
            if (!_begun)
            {
                _begun = true;
                new Thread(Run) { IsBackground = true, Name = name }.Start();
            }
        }
    }

    private void Run()
    {
        foreach (var work in _work.GetConsumingEnumerable())
        {
            work();
        }
    }
}
