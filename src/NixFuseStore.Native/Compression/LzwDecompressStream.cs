namespace NixFuseStore.Native.Compression;

/// <summary>Reads a .Z stream, as compress(1) writes it.</summary>
public sealed class LzwDecompressStream : DecompressStream
{
    /// <summary>Reads from a compressed stream, which is disposed along unless <paramref name="leaveOpen"/>.</summary>
    public LzwDecompressStream(Stream compressed, bool leaveOpen = false)
        : base(compressed, leaveOpen, new Decoder())
    {
    }

    /// <summary>
    /// Codes of 9 to 16 bits, lowest bit first. They come in groups of eight; where the width changes, the rest of the group is padding.
    /// </summary>
    private sealed class Decoder : IDecoder
    {
        private readonly int[] _prefix = new int[1 << Lzw.BitsMax];
        private readonly byte[] _suffix = new byte[1 << Lzw.BitsMax];
        private readonly byte[] _pending = new byte[(1 << Lzw.BitsMax) + 1];
        private int _pendingStart = (1 << Lzw.BitsMax) + 1;
        private int _headerRead;
        private bool _hasClear;
        private int _bitsMax;
        private int _width = Lzw.BitsMin;
        private int _next;
        private int _last = -1;
        private byte _lastFirst;
        private ulong _bits;
        private int _bitCount;

        /// <summary>Codes of this width that were read since it began.</summary>
        private int _inGroup;

        /// <summary>Bits of padding to skip.</summary>
        private int _padding;

        public bool IsAtEnd => _headerRead == 3 && _pendingStart == _pending.Length;

        public void Decode(ReadOnlySpan<byte> input, Span<byte> output, bool final, out int consumed, out int produced)
        {
            (consumed, produced) = (0, 0);
            while (true)
            {
                // 1. What the last code stands for.
                int length = Math.Min(output.Length - produced, _pending.Length - _pendingStart);
                _pending.AsSpan(_pendingStart, length).CopyTo(output[produced..]);
                _pendingStart += length;
                produced += length;
                if (produced == output.Length)
                {
                    return;
                }

                // 2. The next code.
                while (_bitCount <= 56 && consumed < input.Length)
                {
                    if (_headerRead < 3)
                    {
                        ReadHeader(input[consumed++]);
                        continue;
                    }

                    _bits |= (ulong)input[consumed++] << _bitCount;
                    _bitCount += 8;
                }

                int skipped = Math.Min(_padding, _bitCount);
                Drop(skipped);
                _padding -= skipped;
                if (_padding > 0 || _bitCount < _width)
                {
                    if (consumed == input.Length)
                    {
                        return;
                    }

                    continue;
                }

                int code = (int)(_bits & ((1UL << _width) - 1));
                Drop(_width);
                _inGroup++;
                Take(code);
            }
        }

        public void Dispose()
        {
            // All of it is managed memory.
        }

        private void ReadHeader(byte value)
        {
            bool isRight = _headerRead switch { 0 => value == 0x1F, 1 => value == 0x9D, _ => (value & 0x1F) is >= Lzw.BitsMin and <= Lzw.BitsMax };
            if (!isRight)
            {
                throw new InvalidDataException("The data is not what compress writes.");
            }

            if (++_headerRead == 3)
            {
                _bitsMax = value & 0x1F;
                _hasClear = (value & Lzw.ClearFlag) != 0;
                _next = _hasClear ? Lzw.ClearCode + 1 : Lzw.ClearCode;
            }
        }

        private void Take(int code)
        {
            if (_hasClear && code == Lzw.ClearCode)
            {
                SkipGroup();
                _next = Lzw.ClearCode + 1;
                _last = -1;
                _width = Lzw.BitsMin;
                return;
            }

            if (code > _next || (code == _next && _last < 0) || (_last < 0 && code > 255))
            {
                throw new InvalidDataException("The data of compress is malformed.");
            }

            // The code that is being made right now: the last string, and its first byte once more.
            int at = code;
            if (code == _next)
            {
                _pending[--_pendingStart] = _lastFirst;
                at = _last;
            }

            for (; at > 255; at = _prefix[at])
            {
                _pending[--_pendingStart] = _suffix[at];
            }

            _lastFirst = (byte)at;
            _pending[--_pendingStart] = _lastFirst;
            if (_last >= 0 && _next < 1 << _bitsMax)
            {
                _prefix[_next] = _last;
                _suffix[_next] = _lastFirst;
                _next++;
                if (_next == 1 << _width && _width < _bitsMax)
                {
                    SkipGroup();
                    _width++;
                }
            }

            _last = code;
        }

        private void SkipGroup()
        {
            _padding = (8 - (_inGroup % 8)) % 8 * _width;
            _inGroup = 0;
        }

        private void Drop(int count)
        {
            _bits = count == 64 ? 0 : _bits >> count;
            _bitCount -= count;
        }
    }
}
