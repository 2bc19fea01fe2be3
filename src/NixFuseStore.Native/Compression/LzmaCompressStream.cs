using System.Buffers.Binary;
using NixFuseStore.Native.Streams;

namespace NixFuseStore.Native.Compression;

/// <summary>
/// Writes one .lzma stream, or the same in the frame of lzip: another header, and a trailer with checksum and lengths. Calls may not
/// overlap. Disposing it ends the stream, and disposes the stream below unless it was made to leave that open.
/// </summary>
public sealed class LzmaCompressStream : ForwardWriteStream
{
    /// <summary>Properties, dictionary size and length of an .lzma header.</summary>
    private const int HeaderBytes = 13;

    /// <summary>A dictionary of 256 KiB, the smallest preset's; lzip's header has its logarithm.</summary>
    private const byte LzipDictionary = 18;

    private readonly Stream _compressed;
    private readonly bool _leaveOpen;
    private readonly bool _isLzip;
    private readonly CoreStream _core;
    private readonly Framing _framing;
    private uint _checksum;
    private ulong _length;
    private bool _ended;

    /// <summary>Writes to a stream.</summary>
    /// <param name="compressed">Gets the compressed bytes.</param>
    /// <param name="format"><see cref="LzmaFormat.Lzma"/> or <see cref="LzmaFormat.Lzip"/>.</param>
    /// <param name="leaveOpen">Whether the stream below outlives this one.</param>
    public LzmaCompressStream(Stream compressed, LzmaFormat format, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(compressed);
        ArgumentOutOfRangeException.ThrowIfEqual((int)format, (int)LzmaFormat.Xz, nameof(format));
        _compressed = compressed;
        _leaveOpen = leaveOpen;
        _isLzip = format == LzmaFormat.Lzip;
        _framing = new Framing(compressed, _isLzip ? HeaderBytes : 0);
        _core = new CoreStream(_framing);
        if (_isLzip)
        {
            compressed.Write([(byte)'L', (byte)'Z', (byte)'I', (byte)'P', 1, LzipDictionary]);
        }
    }

    /// <inheritdoc/>
    public override unsafe void Write(ReadOnlySpan<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        fixed (byte* bytes = buffer)
        {
            _checksum = XzCalls.lzma_crc32(bytes, (nuint)buffer.Length, _checksum);
        }

        _length += (ulong)buffer.Length;
        _core.Write(buffer);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_ended)
        {
            _ended = true;
            _core.Dispose();
            if (_isLzip)
            {
                Span<byte> trailer = stackalloc byte[20];
                BinaryPrimitives.WriteUInt32LittleEndian(trailer, _checksum);
                BinaryPrimitives.WriteUInt64LittleEndian(trailer[4..], _length);
                BinaryPrimitives.WriteUInt64LittleEndian(trailer[12..], (ulong)(6 + _framing.Written + 20));
                _compressed.Write(trailer);
            }

            if (!_leaveOpen)
            {
                _compressed.Dispose();
            }
        }

        base.Dispose(disposing);
    }

    /// <summary>Leaves out the first bytes, and counts the others.</summary>
    private sealed class Framing(Stream output, int skip) : ForwardWriteStream
    {
        private int _skip = skip;

        public long Written { get; private set; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            int left = Math.Min(_skip, buffer.Length);
            _skip -= left;
            output.Write(buffer[left..]);
            Written += buffer.Length - left;
        }
    }

    private sealed class CoreStream(Stream compressed) : CompressStream(compressed, leaveOpen: true, new Encoder());

    private sealed unsafe class Encoder : LibraryEncoder<XzCalls.LzmaStream>
    {
        internal Encoder()
        {
            XzCalls.LzmaOptions options;
            bool isUnknown = XzCalls.lzma_lzma_preset(&options, 0) != 0;
            int result = isUnknown ? -1 : XzCalls.lzma_alone_encoder(Stream, &options);
            Start(result == XzCalls.Ok, "liblzma", result);
        }

        public override bool Encode(ReadOnlySpan<byte> input, Span<byte> output, EncoderDirective directive, out int consumed, out int produced)
        {
            var stream = Stream;
            fixed (byte* from = input, to = output)
            {
                stream->NextIn = from;
                stream->AvailableIn = (nuint)input.Length;
                stream->NextOut = to;
                stream->AvailableOut = (nuint)output.Length;

                // The format has no means to flush.
                int result = XzCalls.lzma_code(stream, directive == EncoderDirective.End ? XzCalls.ActionFinish : XzCalls.ActionRun);
                consumed = input.Length - (int)stream->AvailableIn;
                produced = output.Length - (int)stream->AvailableOut;
                if (result is not (XzCalls.Ok or XzCalls.StreamEnd or XzCalls.BufferError))
                {
                    throw new InvalidOperationException($"liblzma cannot compress (code {result}).");
                }

                return directive switch
                {
                    EncoderDirective.Continue => consumed == input.Length,
                    EncoderDirective.Flush => produced < output.Length,
                    _ => result == XzCalls.StreamEnd,
                };
            }
        }

        protected override void End(XzCalls.LzmaStream* stream) => XzCalls.lzma_end(stream);
    }
}
