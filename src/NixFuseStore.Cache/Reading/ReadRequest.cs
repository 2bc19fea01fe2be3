using NixFuseStore.Content;

namespace NixFuseStore.Cache.Reading;

/// <summary>A reader waits for a chunk from disk.</summary>
internal sealed class ReadRequest(ChunkId id, int length, long startedAt)
    : TaskCompletionSource<ChunkBuffer?>(TaskCreationOptions.RunContinuationsAsynchronously)
{
    public ChunkId Id { get; } = id;

    public int Length { get; } = length;

    /// <summary>When it was asked, by <see cref="System.Diagnostics.Stopwatch"/>.</summary>
    public long StartedAt { get; } = startedAt;

    /// <summary>Answers, unless the asker has given up: then the chunk is released.</summary>
    public void Answer(ChunkBuffer? chunk)
    {
        if (!TrySetResult(chunk))
        {
            chunk?.Release();
        }
    }
}
