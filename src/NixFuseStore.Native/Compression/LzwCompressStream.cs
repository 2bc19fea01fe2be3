namespace NixFuseStore.Native.Compression;

/// <summary>Writes a .Z stream, as compress(1) does; a full table stays as it is.</summary>
public sealed class LzwCompressStream : CompressStream
{
    /// <summary>Writes to a stream, which is disposed along unless <paramref name="leaveOpen"/>.</summary>
    public LzwCompressStream(Stream compressed, bool leaveOpen = false)
        : base(compressed, leaveOpen, new Encoder())
    {
    }

    private sealed class Encoder : IEncoder
    {
        /// <summary>What one input byte can cause: a code, and the padding of a group.</summary>
        private const int StepBytesMax = 64;

        private readonly Dictionary<int, int> _codes = new(1 << Lzw.BitsMax);
        private int _width = Lzw.BitsMin;
        private int _next = Lzw.ClearCode + 1;
        private int _current = -1;
        private int _inGroup;
        private ulong _bits;
        private int _bitCount;
        private bool _begun;
        private bool _ended;

        public bool Encode(ReadOnlySpan<byte> input, Span<byte> output, EncoderDirective directive, out int consumed, out int produced)
        {
            (consumed, produced) = (0, 0);
            if (!_begun)
            {
                _begun = true;
                output[0] = 0x1F;
                output[1] = 0x9D;
                output[2] = Lzw.ClearFlag | Lzw.BitsMax;
                produced = 3;
            }

            for (; consumed < input.Length && produced + StepBytesMax <= output.Length; consumed++)
            {
                Take(input[consumed], output, ref produced);
            }

            if (directive == EncoderDirective.End && !_ended && produced + StepBytesMax <= output.Length)
            {
                _ended = true;
                if (_current >= 0)
                {
                    Put(_current, output, ref produced);
                }

                if (_bitCount > 0)
                {
                    output[produced++] = (byte)_bits;
                }
            }

            return directive switch
            {
                EncoderDirective.Continue => consumed == input.Length,
                EncoderDirective.End => _ended,
                _ => true,
            };
        }

        public void Dispose()
        {
            // All of it is managed memory.
        }

        private void Take(byte value, Span<byte> output, ref int produced)
        {
            if (_current < 0)
            {
                _current = value;
                return;
            }

            int key = (_current << 8) | value;
            if (_codes.TryGetValue(key, out int known))
            {
                _current = known;
                return;
            }

            Put(_current, output, ref produced);

            // The reader makes the same entry one code later, and changes the width when it has made the last of a width.
            if (_next < 1 << Lzw.BitsMax)
            {
                _codes.Add(key, _next++);
                if (_next - 1 == 1 << _width && _width < Lzw.BitsMax)
                {
                    Pad(output, ref produced);
                    _width++;
                }
            }

            _current = value;
        }

        private void Put(int code, Span<byte> output, ref int produced)
        {
            PutBits(code, output, ref produced);
            _inGroup++;
        }

        private void Pad(Span<byte> output, ref int produced)
        {
            for (; _inGroup % 8 != 0; _inGroup++)
            {
                PutBits(0, output, ref produced);
            }

            _inGroup = 0;
        }

        private void PutBits(int code, Span<byte> output, ref int produced)
        {
            _bits |= (ulong)code << _bitCount;
            for (_bitCount += _width; _bitCount >= 8; _bitCount -= 8)
            {
                output[produced++] = (byte)_bits;
                _bits >>= 8;
            }
        }
    }
}
