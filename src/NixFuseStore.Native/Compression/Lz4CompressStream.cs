namespace NixFuseStore.Native.Compression;

/// <summary>Writes one lz4 frame.</summary>
public sealed class Lz4CompressStream : CompressStream
{
    /// <summary>Writes to a stream, which is disposed along unless <paramref name="leaveOpen"/>.</summary>
    public Lz4CompressStream(Stream compressed, bool leaveOpen = false)
        : base(compressed, leaveOpen, new Encoder())
    {
    }

    private sealed unsafe class Encoder : IEncoder
    {
        /// <summary>So much is given to the library at once; what comes out of it always fits into what it says of that.</summary>
        private const int PieceBytes = 64 << 10;

        private readonly byte[] _piece;
        private nint _context;
        private int _start;
        private int _end;
        private bool _begun;
        private bool _directed;

        internal Encoder()
        {
            nint context;
            Check(Lz4Calls.LZ4F_createCompressionContext(&context, Lz4Calls.Version));
            _context = context;
            _piece = new byte[(int)Lz4Calls.LZ4F_compressBound(PieceBytes, null) + 64];
        }

        ~Encoder() => Free();

        public bool Encode(ReadOnlySpan<byte> input, Span<byte> output, EncoderDirective directive, out int consumed, out int produced)
        {
            ObjectDisposedException.ThrowIf(_context == 0, this);
            consumed = 0;
            produced = Take(output);
            if (_start < _end)
            {
                return false;
            }

            fixed (byte* from = input, to = _piece)
            {
                nuint capacity = (nuint)_piece.Length;
                nuint length;
                if (!_begun)
                {
                    _begun = true;
                    length = Lz4Calls.LZ4F_compressBegin(_context, to, capacity, null);
                }
                else if (directive == EncoderDirective.Continue)
                {
                    consumed = Math.Min(input.Length, PieceBytes);
                    length = Lz4Calls.LZ4F_compressUpdate(_context, to, capacity, from, (nuint)consumed, null);
                }
                else if (_directed)
                {
                    _directed = false;
                    return true;
                }
                else
                {
                    _directed = true;
                    length = directive == EncoderDirective.Flush
                        ? Lz4Calls.LZ4F_flush(_context, to, capacity, null)
                        : Lz4Calls.LZ4F_compressEnd(_context, to, capacity, null);
                }

                _start = 0;
                _end = (int)Check(length);
            }

            produced += Take(output[produced..]);
            return false;
        }

        public void Dispose()
        {
            Free();
            GC.SuppressFinalize(this);
        }

        private static nuint Check(nuint result) => Lz4Calls.LZ4F_isError(result) == 0
            ? result
            : throw new InvalidOperationException($"liblz4 cannot compress: {Lz4Calls.ErrorName(result)}.");

        private int Take(Span<byte> output)
        {
            int length = Math.Min(output.Length, _end - _start);
            _piece.AsSpan(_start, length).CopyTo(output);
            _start += length;
            return length;
        }

        private void Free()
        {
            if (_context != 0)
            {
                _ = Lz4Calls.LZ4F_freeCompressionContext(_context);
                _context = 0;
            }
        }
    }
}
