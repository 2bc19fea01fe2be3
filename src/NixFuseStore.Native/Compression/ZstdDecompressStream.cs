namespace NixFuseStore.Native.Compression;

/// <summary>Reads a sequence of zstd frames. Frames whose window is larger than 128 MiB are refused, whatever they claim.</summary>
public sealed class ZstdDecompressStream : DecompressStream
{
    private const int WindowLogMax = 27;

    /// <summary>Reads from a compressed stream, which is disposed along unless <paramref name="leaveOpen"/>.</summary>
    public ZstdDecompressStream(Stream compressed, bool leaveOpen = false)
        : base(compressed, leaveOpen, new Decoder())
    {
    }

    private sealed unsafe class Decoder : IDecoder
    {
        private readonly ZstdDecompressionContext _context = new();

        internal Decoder() => Check(ZstdCalls.ZSTD_DCtx_setParameter(_context.Pointer, ZstdCalls.ParameterWindowLogMax, WindowLogMax));

        public bool IsAtEnd { get; private set; } = true;

        public void Decode(ReadOnlySpan<byte> input, Span<byte> output, bool final, out int consumed, out int produced)
        {
            fixed (byte* from = input, to = output)
            {
                var source = new ZstdCalls.ZstdBuffer { Bytes = from, Length = (nuint)input.Length };
                var target = new ZstdCalls.ZstdBuffer { Bytes = to, Length = (nuint)output.Length };
                nuint hint = Check(ZstdCalls.ZSTD_decompressStream(_context.Pointer, &target, &source));
                consumed = (int)source.Position;
                produced = (int)target.Position;

                // Zero says that a frame is complete and all of it handed out. A call that did nothing says nothing.
                if (consumed > 0 || produced > 0)
                {
                    IsAtEnd = hint == 0;
                }
            }
        }

        public void Dispose() => _context.Dispose();

        private static nuint Check(nuint result) => ZstdCalls.ZSTD_isError(result) == 0
            ? result
            : throw new InvalidDataException($"The zstd data is malformed: {ZstdCalls.ErrorName(result)}.");
    }
}
