namespace NixFuseStore.Native.Compression;

/// <summary>Reads a sequence of lz4 frames, skippable ones included.</summary>
public sealed class Lz4DecompressStream : DecompressStream
{
    /// <summary>Reads from a compressed stream, which is disposed along unless <paramref name="leaveOpen"/>.</summary>
    public Lz4DecompressStream(Stream compressed, bool leaveOpen = false)
        : base(compressed, leaveOpen, new Decoder())
    {
    }

    private sealed unsafe class Decoder : IDecoder
    {
        private nint _context;

        internal Decoder()
        {
            nint context;
            Check(Lz4Calls.LZ4F_createDecompressionContext(&context, Lz4Calls.Version));
            _context = context;
        }

        ~Decoder() => Free();

        public bool IsAtEnd { get; private set; } = true;

        public void Decode(ReadOnlySpan<byte> input, Span<byte> output, bool final, out int consumed, out int produced)
        {
            ObjectDisposedException.ThrowIf(_context == 0, this);
            nuint read = (nuint)input.Length;
            nuint written = (nuint)output.Length;
            fixed (byte* from = input, to = output)
            {
                nuint hint = Check(Lz4Calls.LZ4F_decompress(_context, to, &written, from, &read, null));
                consumed = (int)read;
                produced = (int)written;
                if (consumed > 0 || produced > 0)
                {
                    IsAtEnd = hint == 0;
                }
            }
        }

        public void Dispose()
        {
            Free();
            GC.SuppressFinalize(this);
        }

        private static nuint Check(nuint result) => Lz4Calls.LZ4F_isError(result) == 0
            ? result
            : throw new InvalidDataException($"The lz4 data is malformed: {Lz4Calls.ErrorName(result)}.");

        private void Free()
        {
            if (_context != 0)
            {
                _ = Lz4Calls.LZ4F_freeDecompressionContext(_context);
                _context = 0;
            }
        }
    }
}
