namespace NixFuseStore.Storage.Metadata;

/// <summary>A build's log.</summary>
/// <param name="PlainLength">Bytes of the plain text, at most <see cref="PlainBytesMax"/>.</param>
/// <param name="Zstd">The text as one zstd frame, which the caller has checked.</param>
public sealed record BuildLog(int PlainLength, ReadOnlyMemory<byte> Zstd)
{
    /// <summary>Whether the build failed; a later log takes the place of this one then.</summary>
    public bool IsOfFailure { get; init; }

    /// <summary>Longer logs are not kept.</summary>
    public const int PlainBytesMax = 64 << 20;

    /// <summary>Nor are those whose frame is longer: it travels in one message and lies in one row.</summary>
    public const int ZstdBytesMax = 32 << 20;
}
