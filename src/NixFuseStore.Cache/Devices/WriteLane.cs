using System.Collections.Concurrent;
using FASTER.core;

namespace NixFuseStore.Cache.Devices;

/// <summary>
/// The one thread that writes log and checkpoints, in order. FASTER waits for ever for a write that failed, so every write is reported
/// to it as done; a failed one is noted here, and its blocks read as never written.
/// </summary>
internal sealed class WriteLane : IDisposable
{
    private readonly BlockingCollection<Job> _jobs = [];
    private readonly byte[] _bounce = BlockFile.NewBounce();
    private readonly Thread _thread;
    private Exception? _failure;

    public WriteLane()
    {
        _thread = new Thread(Run, 256 << 10) { IsBackground = true, Name = "cache-flush" };
        _thread.Start();
    }

    /// <summary>For tests: runs before each write; what it throws is the write's failure.</summary>
    public Action? Fault { get; set; }

    /// <summary>The first failure since <see cref="TakeFailure"/>.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>Returns the failure, if any, and forgets it.</summary>
    public Exception? TakeFailure() => Interlocked.Exchange(ref _failure, null);

    public void Enqueue(BlockFile file, long offset, IntPtr source, uint length, DeviceIOCompletionCallback callback, object context)
    {
        try
        {
            _jobs.Add(new Job(file, offset, source, length, callback, context));
        }
        catch (InvalidOperationException)
        {
            // Closed: the log is being given up, and must not wait for this write.
            callback(0, length, context);
        }
    }

    /// <summary>Ends the thread after what is queued.</summary>
    public void Dispose()
    {
        _jobs.CompleteAdding();
        _thread.Join();
        _jobs.Dispose();
    }

    private void Run()
    {
        foreach (var job in _jobs.GetConsumingEnumerable())
        {
            try
            {
                Fault?.Invoke();
                unsafe
                {
                    job.File.Write(job.Offset, (byte*)job.Source, checked((int)job.Length), _bounce);
                }
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ObjectDisposedException)
            {
                Interlocked.CompareExchange(ref _failure, failure, null);
            }

            job.Callback(0, job.Length, job.Context);
        }
    }

    private readonly record struct Job(BlockFile File, long Offset, IntPtr Source, uint Length, DeviceIOCompletionCallback Callback, object Context);
}
