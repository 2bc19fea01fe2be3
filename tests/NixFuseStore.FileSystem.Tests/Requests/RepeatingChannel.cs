using NixFuseStore.Fuse.Channels;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.FileSystem.Tests.Requests;

/// <summary>
/// Hands the same request to the session again and again, throws answers away, and measures what the dispatch thread allocates meanwhile.
/// </summary>
internal sealed class RepeatingChannel(byte[] request, int warmUp, int measured) : IFuseChannel, IFuseChannelReader
{
    private readonly TaskCompletionSource<long> _allocated = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _count;
    private long _start;

    /// <summary>Bytes that the measured requests allocated together.</summary>
    public Task<long> Allocated => _allocated.Task;

    /// <summary>Answers that were errors, and bytes of the others.</summary>
    public int Errors { get; private set; }

    public IFuseChannelReader OpenReader() => this;

    public FuseReadOutcome Read(Span<byte> buffer, out int bytes)
    {
        if (_count == warmUp)
        {
            _start = GC.GetAllocatedBytesForCurrentThread();
        }

        if (_count++ == warmUp + measured)
        {
            _allocated.SetResult(GC.GetAllocatedBytesForCurrentThread() - _start);
            bytes = 0;
            return FuseReadOutcome.Stopped;
        }

        request.CopyTo(buffer);
        bytes = request.Length;
        return FuseReadOutcome.Request;
    }

    public Errno Write(ReadOnlySpan<IoVector> message)
    {
        if (BitConverter.ToInt32(message[0].Span[4..]) != 0)
        {
            Errors++;
        }

        return Errno.None;
    }

    public void StopReaders()
    {
    }

    public void Dispose()
    {
    }
}
