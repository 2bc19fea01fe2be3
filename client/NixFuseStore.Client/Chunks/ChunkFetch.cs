using NixFuseStore.Client.ReadAhead;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Chunks;

/// <summary>One chunk on its way; there is at most one for each chunk id. All fields are guarded by the fetcher's lock.</summary>
internal sealed class ChunkFetch(PathContent content, int ordinal, FetchPriority priority)
{
    private List<(ChunkWait Wait, int Index)>? _waiters;

    /// <summary>The path that it is asked for, which names it on the wire.</summary>
    public PathContent Content { get; } = content;

    /// <summary>Its place in the path's chunk list.</summary>
    public int Ordinal { get; } = ordinal;

    public ChunkId Id { get; } = content.Chunks.Id(ordinal);

    /// <summary>Plain bytes.</summary>
    public int Length { get; } = content.Chunks.Length(ordinal);

    public FetchPriority Priority { get; set; } = priority;

    /// <summary>Why it is read ahead, and for which file; nothing where a reader waited from the start.</summary>
    public ReadAheadKind Kind { get; init; }

    /// <summary>Where that file begins in the stream.</summary>
    public long FileStart { get; init; }

    public FetchState State { get; set; }

    /// <summary>Requests that failed to bring it for reasons that may pass.</summary>
    public int Failures { get; set; }

    /// <summary>Times that the server said that it cannot read the chunk now.</summary>
    public int Unreadable { get; set; }

    /// <summary>Times that other bytes came in its place.</summary>
    public int BadAnswers { get; set; }

    /// <summary>The path's place in the request that names this chunk; belongs to that request.</summary>
    public int ManifestIndex { get; set; }

    public bool HasWaiters => _waiters is { Count: > 0 };

    public void AddWaiter(ChunkWait wait, int index) => (_waiters ??= []).Add((wait, index));

    public void RemoveWaiter(ChunkWait wait) => _waiters?.RemoveAll(w => w.Wait == wait);

    /// <summary>Takes the waiters out, to be told outside of the lock.</summary>
    public List<(ChunkWait Wait, int Index)>? TakeWaiters()
    {
        var waiters = _waiters;
        _waiters = null;
        return waiters;
    }
}
