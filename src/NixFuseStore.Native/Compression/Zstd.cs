namespace NixFuseStore.Native.Compression;

/// <summary>
/// Whole zstd frames in memory, by the system's libzstd. Every thread has contexts of its own, which are made at its first
/// call and freed after it has ended; all methods may be called from any thread.
/// </summary>
public static unsafe class Zstd
{
    [ThreadStatic]
    private static ZstdCompressionContext? s_compression;

    [ThreadStatic]
    private static ZstdDecompressionContext? s_decompression;

    /// <summary>The version of the library, for instance 10504: at one level, one version makes the same frame of the same bytes every time.</summary>
    public static int Version { get; } = (int)ZstdCalls.ZSTD_versionNumber();

    /// <summary>How many bytes a frame of <paramref name="sourceLength"/> plain bytes takes at most.</summary>
    public static int CompressBound(int sourceLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sourceLength);
        return checked((int)ZstdCalls.ZSTD_compressBound((nuint)sourceLength));
    }

    /// <summary>Compresses into one frame that states its plain length, and returns the frame's length in bytes.</summary>
    /// <exception cref="ArgumentException">The frame does not fit <paramref name="destination"/>; <see cref="CompressBound"/> always does.</exception>
    public static int Compress(ReadOnlySpan<byte> source, Span<byte> destination, int level)
    {
        var context = s_compression ??= new ZstdCompressionContext();
        nuint result;
        fixed (byte* from = source, to = destination)
        {
            result = ZstdCalls.ZSTD_compressCCtx(
                context.Pointer, to, (nuint)destination.Length, from, (nuint)source.Length, level);
        }

        return ZstdCalls.ZSTD_isError(result) == 0
            ? (int)result
            : throw new ArgumentException($"zstd could not compress {source.Length} bytes: {ZstdCalls.ErrorName(result)}.");
    }

    /// <summary>Compresses into a new array that holds exactly one frame.</summary>
    public static byte[] Compress(ReadOnlySpan<byte> source, int level)
    {
        var frame = new byte[CompressBound(source.Length)];
        int length = Compress(source, frame, level);
        Array.Resize(ref frame, length);
        return frame;
    }

    /// <summary>
    /// Decompresses one frame whose plain length is known beforehand. True only where <paramref name="frame"/> is exactly one
    /// valid frame and its plain bytes fill <paramref name="destination"/> exactly. Never throws, whatever the frame holds, and
    /// never allocates by what it claims; after false the contents of <paramref name="destination"/> mean nothing.
    /// </summary>
    public static bool TryDecompress(ReadOnlySpan<byte> frame, Span<byte> destination, out int written)
    {
        written = 0;
        fixed (byte* from = frame, to = destination)
        {
            // libzstd would go on with further frames and skip "skippable" ones: then one content would have many encodings.
            nuint frameLength = ZstdCalls.ZSTD_findFrameCompressedSize(from, (nuint)frame.Length);
            if (ZstdCalls.ZSTD_isError(frameLength) != 0 || frameLength != (nuint)frame.Length)
            {
                return false;
            }

            var context = s_decompression ??= new ZstdDecompressionContext();
            nuint result = ZstdCalls.ZSTD_decompressDCtx(context.Pointer, to, (nuint)destination.Length, from, (nuint)frame.Length);
            if (ZstdCalls.ZSTD_isError(result) != 0)
            {
                return false;
            }

            written = (int)result;
            return written == destination.Length;
        }
    }
}
