namespace NixFuseStore.Client.Push;

/// <summary>Counters of a running push, for progress lines. Any thread may read them at any time; they only grow.</summary>
public sealed class PushProgress
{
    private long _pathsTotal;
    private long _pathsDone;
    private long _pathsValidBefore;
    private long _narBytesTotal;
    private long _narBytesRead;
    private long _chunksFound;
    private long _chunksSent;
    private long _plainBytesSent;
    private long _bytesSent;
    private long _requests;
    private long _retries;
    private volatile string? _trouble;

    internal PushProgress()
    {
    }

    /// <summary>Paths that this push is about, those that were registered before included.</summary>
    public long PathsTotal => Interlocked.Read(ref _pathsTotal);

    /// <summary>Paths whose outcome is known.</summary>
    public long PathsDone => Interlocked.Read(ref _pathsDone);

    /// <summary>Paths that were registered before this push began.</summary>
    public long PathsValidBefore => Interlocked.Read(ref _pathsValidBefore);

    /// <summary>NAR bytes of the paths that have to be read.</summary>
    public long NarBytesTotal => Interlocked.Read(ref _narBytesTotal);

    /// <summary>NAR bytes read so far.</summary>
    public long NarBytesRead => Interlocked.Read(ref _narBytesRead);

    /// <summary>Chunks that were cut and that the server had, or that travel with another path of this push.</summary>
    public long ChunksFound => Interlocked.Read(ref _chunksFound);

    /// <summary>Chunks sent and confirmed.</summary>
    public long ChunksSent => Interlocked.Read(ref _chunksSent);

    /// <summary>Plain bytes of the chunks sent.</summary>
    public long PlainBytesSent => Interlocked.Read(ref _plainBytesSent);

    /// <summary>Bytes sent: chunks as they travel, and the messages of registrations and queries. Headers of HTTP are not counted.</summary>
    public long BytesSent => Interlocked.Read(ref _bytesSent);

    /// <summary>Requests answered.</summary>
    public long Requests => Interlocked.Read(ref _requests);

    /// <summary>Requests made again because the server was away.</summary>
    public long Retries => Interlocked.Read(ref _retries);

    /// <summary>Why the last request has to be made again, in one line; null while requests succeed.</summary>
    public string? Trouble => _trouble;

    internal void AddPaths(long total, long validBefore, long narBytes)
    {
        Interlocked.Add(ref _pathsTotal, total);
        Interlocked.Add(ref _pathsDone, validBefore);
        Interlocked.Add(ref _pathsValidBefore, validBefore);
        Interlocked.Add(ref _narBytesTotal, narBytes);
    }

    internal void PathDone() => Interlocked.Increment(ref _pathsDone);

    internal void BytesRead(ulong bytes) => Interlocked.Add(ref _narBytesRead, (long)bytes);

    internal void ChunkFound() => Interlocked.Increment(ref _chunksFound);

    internal void ChunkSent(int plainBytes)
    {
        Interlocked.Increment(ref _chunksSent);
        Interlocked.Add(ref _plainBytesSent, plainBytes);
    }

    internal void RequestDone(long bytes)
    {
        _trouble = null;
        Interlocked.Increment(ref _requests);
        Interlocked.Add(ref _bytesSent, bytes);
    }

    internal void Retried(string why)
    {
        _trouble = why;
        Interlocked.Increment(ref _retries);
    }
}
