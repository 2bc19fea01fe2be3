using System.Collections.Concurrent;

namespace NixFuseStore.Cache.Devices;

/// <summary>
/// The thread that writes the log's pages, in order. It is a thread of its own, as the thread pool may be full of those who wait for the cache.
/// </summary>
/// <remarks>
/// FASTER waits for ever for a write that failed, so every write is reported to it as done. A failed one is noted here, and its addresses in
/// the device.
/// </remarks>
internal sealed class WriteLane : IDisposable
{
    private readonly BlockingCollection<PageWrite> _writes = [];
    private readonly object _progress = new(); // a monitor, because the log's writer waits on it
    private readonly Lock _lock = new();
    private Thread? _thread;
    private Exception? _failure;
    private long _queuedBytes;
    private long _completed;

    /// <summary>For tests: runs before each write; what it throws is the write's failure.</summary>
    public Action? Fault { get; set; }

    /// <summary>The first failure since <see cref="TakeFailure"/>.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>Bytes that wait to be written.</summary>
    public long QueuedBytes => Volatile.Read(ref _queuedBytes);

    /// <summary>Writes that FASTER was told of as done.</summary>
    public long Completed => Volatile.Read(ref _completed);

    /// <summary>Returns the failure, if any, and forgets it.</summary>
    public Exception? TakeFailure() => Interlocked.Exchange(ref _failure, null);

    public void Enqueue(in PageWrite write)
    {
        Start();
        Interlocked.Add(ref _queuedBytes, write.Length);
        try
        {
            _writes.Add(write);
        }
        catch (InvalidOperationException)
        {
            Interlocked.Add(ref _queuedBytes, -write.Length);

            // Closed: the log is being given up, and must not wait for this write.
            write.Callback(0, write.Length, write.Context);
        }
    }

    /// <summary>Waits until <see cref="Completed"/> is more than it was.</summary>
    public void WaitForMore(long completed)
    {
        lock (_progress)
        {
            while (Completed == completed)
            {
                Monitor.Wait(_progress);
            }
        }
    }

    /// <summary>Ends the thread after what is queued.</summary>
    public void Dispose()
    {
        _writes.CompleteAdding();
        _thread?.Join();
        _writes.Dispose();
    }

    private void Start()
    {
        if (Volatile.Read(ref _thread) is not null)
        {
            return;
        }

        lock (_lock)
        {
            if (_thread is null)
            {
                var started = new Thread(Run, 256 << 10) { IsBackground = true, Name = "cache-flush" };
                started.Start();
                _thread = started;
            }
        }
    }

    private void Run()
    {
        foreach (var write in _writes.GetConsumingEnumerable())
        {
            try
            {
                Fault?.Invoke();
                write.Device.WriteNow(write);
            }
            catch (Exception failure)
            {
                write.Device.NoteUnwritten(write);
                Interlocked.CompareExchange(ref _failure, failure, null);
            }

            Interlocked.Add(ref _queuedBytes, -write.Length);
            try
            {
                write.Callback(0, write.Length, write.Context);
            }
            catch (Exception failure)
            {
                // What FASTER makes of it must not end the process.
                Interlocked.CompareExchange(ref _failure, failure, null);
            }

            lock (_progress)
            {
                _completed++;
                Monitor.PulseAll(_progress);
            }
        }
    }
}
