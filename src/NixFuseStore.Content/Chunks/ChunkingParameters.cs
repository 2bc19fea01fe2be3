namespace NixFuseStore.Content;

/// <summary>
/// The frozen rules by which a content stream is cut. Manifests name them by id; a change of any rule is a new id.
/// CHUNK-SIZES.md has the measurements behind the sizes.
/// </summary>
public sealed class ChunkingParameters
{
    /// <summary>Bytes that no chunk exceeds, whatever its parameters: the bound for buffers and parsers.</summary>
    public const int ChunkBytesMax = 1 << 20;

    private ChunkingParameters(uint id, int bytesMin, int bytesAverage, int bytesMax, int largeFileBytes)
    {
        Id = id;
        BytesMin = bytesMin;
        BytesAverage = bytesAverage;
        BytesMax = bytesMax;
        LargeFileBytes = largeFileBytes;
    }

    /// <summary>The parameters of new manifests.</summary>
    public static ChunkingParameters Current { get; } = new(1, 8 << 10, 32 << 10, 128 << 10, 32 << 10);

    /// <summary>The number that manifests carry.</summary>
    public uint Id { get; }

    /// <summary>Bytes that a chunk has at least, unless a forced cut or the stream's end makes it shorter.</summary>
    public int BytesMin { get; }

    /// <summary>Bytes around which chunk lengths are normalised; a power of two.</summary>
    public int BytesAverage { get; }

    /// <summary>Bytes that a chunk has at most.</summary>
    public int BytesMax { get; }

    /// <summary>Files of at least this many bytes have a forced cut before and after them.</summary>
    public int LargeFileBytes { get; }

    /// <summary>Finds parameters by id; false for one that this version does not know.</summary>
    public static bool TryGet(uint id, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ChunkingParameters? parameters)
    {
        parameters = id == Current.Id ? Current : null;
        return parameters is not null;
    }

    // For the chunk size study, which tries sizes whose manifests are not kept.
    internal static ChunkingParameters ForStudy(int bytesMin, int bytesAverage, int bytesMax, int largeFileBytes) =>
        new(1, bytesMin, bytesAverage, bytesMax, largeFileBytes);
}
