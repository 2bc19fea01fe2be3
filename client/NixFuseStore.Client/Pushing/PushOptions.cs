namespace NixFuseStore.Client.Pushing;

/// <summary>How a push is carried out.</summary>
public sealed class PushOptions
{
    /// <summary>Push what the paths refer to as well; otherwise the server must have it already.</summary>
    public bool Closure { get; init; } = true;

    /// <summary>How long a server may be away, counted from the first failure in a row, before the push gives up.</summary>
    public TimeSpan RetryFor { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Trees walked and chunks compressed at once.</summary>
    public int Workers { get; init; } = Math.Clamp(Environment.ProcessorCount, 2, 8);

    /// <summary>Uploads under way at once, each on a connection of its own.</summary>
    public int Uploads { get; init; } = 4;

    /// <summary>Plain bytes of chunks held in memory at most, from the reading of a file to the end of its upload.</summary>
    public long ChunkBytesHeldMax { get; init; } = 64L << 20;
}
