namespace NixFuseStore.Native.Compression;

/// <summary>Writes one zstd frame.</summary>
public sealed class ZstdCompressStream : CompressStream
{
    /// <summary>Writes to a stream at a level of zstd's, 1 to 19.</summary>
    public ZstdCompressStream(Stream compressed, int level, bool leaveOpen = false)
        : base(compressed, leaveOpen, new Encoder(level))
    {
    }

    private sealed unsafe class Encoder : IEncoder
    {
        private readonly ZstdCompressionContext _context = new();

        internal Encoder(int level) =>
            Check(ZstdCalls.ZSTD_CCtx_setParameter(_context.Pointer, ZstdCalls.ParameterCompressionLevel, level));

        public bool Encode(ReadOnlySpan<byte> input, Span<byte> output, EncoderDirective directive, out int consumed, out int produced)
        {
            int code = directive switch
            {
                EncoderDirective.Continue => ZstdCalls.DirectiveContinue,
                EncoderDirective.Flush => ZstdCalls.DirectiveFlush,
                _ => ZstdCalls.DirectiveEnd,
            };
            fixed (byte* from = input, to = output)
            {
                var source = new ZstdCalls.ZstdBuffer { Bytes = from, Length = (nuint)input.Length };
                var target = new ZstdCalls.ZstdBuffer { Bytes = to, Length = (nuint)output.Length };
                nuint remaining = Check(ZstdCalls.ZSTD_compressStream2(_context.Pointer, &target, &source, code));
                consumed = (int)source.Position;
                produced = (int)target.Position;
                return directive == EncoderDirective.Continue ? consumed == input.Length : remaining == 0;
            }
        }

        public void Dispose() => _context.Dispose();

        private static nuint Check(nuint result) => ZstdCalls.ZSTD_isError(result) == 0
            ? result
            : throw new InvalidOperationException($"zstd cannot compress: {ZstdCalls.ErrorName(result)}.");
    }
}
