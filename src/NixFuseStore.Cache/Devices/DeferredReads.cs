using FASTER.core;

namespace NixFuseStore.Cache.Devices;

/// <summary>
/// Catches the record reads that FASTER asks for on this thread, so that they run here once FASTER has let go of its epoch: a reader
/// needs no second thread, and a slow disk holds up no other read. Used by one thread, between <see cref="Arm"/> and <see cref="Disarm"/>.
/// </summary>
internal sealed class DeferredReads
{
    [ThreadStatic]
    private static DeferredReads? t_current;

    private static Type? s_recordRead;

    private readonly Queue<Job> _jobs = new();

    /// <summary>Value bytes that the reader expects; makes FASTER read header and value at once. See <see cref="Log.ChunkValueLength"/>.</summary>
    public int ExpectedValueBytes { get; private set; }

    /// <summary>Blocks that did not match their sum in the reads since <see cref="Arm"/>.</summary>
    public int Mismatches { get; private set; }

    /// <summary>The first read since <see cref="Arm"/> that the disk failed; null where it failed none.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>What catches reads on this thread.</summary>
    public static DeferredReads? Current => t_current;

    public void Arm(int expectedValueBytes)
    {
        ExpectedValueBytes = expectedValueBytes;
        Mismatches = 0;
        Failure = null;
        t_current = this;
    }

    public static void Disarm() => t_current = null;

    /// <summary>Takes a read of one record; false for any other read (pages of a scan), which must go on as usual.</summary>
    public bool TryTake(BlockFile file, long offset, IntPtr destination, uint length, DeviceIOCompletionCallback callback, object context)
    {
        if (!IsRecordRead(context))
        {
            return false;
        }

        _jobs.Enqueue(new Job(file, offset, destination, length, callback, context));
        return true;
    }

    /// <summary>Runs what was caught, and what that causes.</summary>
    /// <param name="fromDisk">False: the disk is not touched; the record reads as zeros, which is no record.</param>
    public unsafe void Run(bool fromDisk)
    {
        while (_jobs.TryDequeue(out var job))
        {
            var destination = new Span<byte>((byte*)job.Destination, checked((int)job.Length));
            if (fromDisk)
            {
                var failure = Failure;
                Mismatches += job.File.Read(job.Offset, destination, ref failure);
                Failure = failure;
            }
            else
            {
                destination.Clear();
            }

            job.Callback(0, job.Length, job.Context);
        }
    }

    // The context's type is internal to FASTER; its name is looked at once.
    private static bool IsRecordRead(object context)
    {
        var type = context.GetType();
        if (type == s_recordRead)
        {
            return true;
        }

        if (s_recordRead is null && type.Name.StartsWith("AsyncGetFromDiskResult", StringComparison.Ordinal))
        {
            s_recordRead = type;
            return true;
        }

        return false;
    }

    private readonly record struct Job(BlockFile File, long Offset, IntPtr Destination, uint Length, DeviceIOCompletionCallback Callback, object Context);
}
