using System.Collections.Concurrent;
using NixFuseStore.Fuse.Channels;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Testing.Fuse;

/// <summary>A line without a kernel: requests are queued by a test, and what is written is handed to it.</summary>
public sealed class MemoryFuseChannel : IFuseChannel
{
    private readonly BlockingCollection<byte[]> _requests = [];
    private volatile FuseReadOutcome _end = FuseReadOutcome.Stopped;

    /// <summary>Sees every message that the session writes, and says how the kernel takes it. Called on the writing thread.</summary>
    public Func<byte[], Errno>? OnWrite { get; set; }

    /// <summary>Queues a request.</summary>
    public void Enqueue(byte[] request) => _requests.Add(request);

    /// <summary>Ends the line once the queue is empty, as unmounting or aborting does.</summary>
    public void End(FuseReadOutcome outcome)
    {
        _end = outcome;
        _requests.CompleteAdding();
    }

    public IFuseChannelReader OpenReader() => new Reader(this);

    public Errno Write(ReadOnlySpan<IoVector> message)
    {
        var bytes = new List<byte>();
        foreach (ref readonly var part in message)
        {
            bytes.AddRange(part.Span);
        }

        return OnWrite?.Invoke([.. bytes]) ?? Errno.None;
    }

    public void StopReaders()
    {
        if (!_requests.IsAddingCompleted)
        {
            End(FuseReadOutcome.Stopped);
        }
    }

    public void Dispose() => _requests.Dispose();

    private sealed class Reader(MemoryFuseChannel channel) : IFuseChannelReader
    {
        public FuseReadOutcome Read(Span<byte> buffer, out int bytes)
        {
            bytes = 0;
            try
            {
                var request = channel._requests.Take();
                request.CopyTo(buffer);
                bytes = request.Length;
                return FuseReadOutcome.Request;
            }
            catch (InvalidOperationException)
            {
                return channel._end; // completed and empty
            }
        }

        public void Dispose()
        {
        }
    }
}
