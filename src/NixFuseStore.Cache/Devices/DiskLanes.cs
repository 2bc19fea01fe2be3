using System.Collections.Concurrent;

namespace NixFuseStore.Cache.Devices;

/// <summary>
/// The thread that writes log and checkpoints, in order, and the one that reads pages for scans. Both are threads of their own, as the
/// thread pool may be full of those who wait for the cache.
/// </summary>
/// <remarks>
/// FASTER waits for ever for a write that failed, so every write is reported to it as done; a failed one is noted here, and its blocks
/// read as never written.
/// </remarks>
/// <param name="fileFault">For tests: runs before a file is opened or read; see <see cref="BlockFile"/>.</param>
internal sealed class DiskLanes(Action<string>? fileFault = null) : IDisposable
{
    private readonly BlockingCollection<PageWrite> _writes = [];
    private readonly BlockingCollection<PageRead> _reads = [];
    private readonly Lazy<byte[]> _bounce = new(BlockFile.NewBounce);
    private readonly Lock _lock = new();
    private Thread? _writer;
    private Thread? _reader;
    private Exception? _failure;
    private long _queuedBytes;

    /// <summary>For tests: runs before each write; what it throws is the write's failure.</summary>
    public Action? Fault { get; set; }

    public Action<string>? FileFault { get; } = fileFault;

    /// <summary>The first failure since <see cref="TakeFailure"/>.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>Bytes that wait to be written.</summary>
    public long QueuedBytes => Volatile.Read(ref _queuedBytes);

    /// <summary>Returns the failure, if any, and forgets it.</summary>
    public Exception? TakeFailure() => Interlocked.Exchange(ref _failure, null);

    public void Enqueue(in PageWrite write)
    {
        Start(ref _writer, Write, "cache-flush");
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

    public void Enqueue(in PageRead read)
    {
        Start(ref _reader, Read, "cache-scan");
        try
        {
            _reads.Add(read);
        }
        catch (InvalidOperationException)
        {
            read.Device.ReadNow(read);
        }
    }

    /// <summary>Ends the threads after what is queued.</summary>
    public void Dispose()
    {
        _writes.CompleteAdding();
        _reads.CompleteAdding();
        _writer?.Join();
        _reader?.Join();
        _writes.Dispose();
        _reads.Dispose();
    }

    private void Start(ref Thread? thread, ThreadStart run, string name)
    {
        if (Volatile.Read(ref thread) is not null)
        {
            return;
        }

        lock (_lock)
        {
            if (thread is null)
            {
                var started = new Thread(run, 256 << 10) { IsBackground = true, Name = name };
                started.Start();
                thread = started;
            }
        }
    }

    private void Read()
    {
        foreach (var read in _reads.GetConsumingEnumerable())
        {
            try
            {
                read.Device.ReadNow(read);
            }
            catch (Exception failure)
            {
                // What FASTER makes of a page must not end the process; the log is not used on after it.
                Interlocked.CompareExchange(ref _failure, failure, null);
            }
        }
    }

    private unsafe void Write()
    {
        foreach (var write in _writes.GetConsumingEnumerable())
        {
            try
            {
                Fault?.Invoke();
                write.File.Write(write.Offset, (byte*)write.Source, checked((int)write.Length), _bounce.Value);
            }
            catch (Exception failure)
            {
                Interlocked.CompareExchange(ref _failure, failure, null);
            }

            Interlocked.Add(ref _queuedBytes, -write.Length);
            try
            {
                write.Callback(0, write.Length, write.Context);
            }
            catch (Exception failure)
            {
                Interlocked.CompareExchange(ref _failure, failure, null);
            }
        }
    }
}
