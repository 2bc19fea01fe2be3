namespace NixFuseStore.Client.Push;

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

    /// <summary>
    /// Level of zstd. 6 is from the table in CHUNK-SIZES.md: beyond it there is nothing to gain. A chunk is compressed once, then stored and
    /// sent many times; a core compresses 94 MB/s so, beside 188 MB/s of reading, hashing and cutting.
    /// </summary>
    public int CompressionLevel { get; init; } = 6;

    /// <summary>Plain bytes of chunks held in memory at most, from the reading of a file to the end of its upload.</summary>
    public long ChunkBytesHeldMax { get; init; } = 64L << 20;
}
