using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Compression;

/// <summary>Writes one .xz stream.</summary>
public sealed class XzCompressStream : CompressStream
{
    /// <summary>Writes to a stream with a preset of xz's, 0 (needs 3 MiB of memory) to 9 (674 MiB).</summary>
    public XzCompressStream(Stream compressed, int preset, bool leaveOpen = false)
        : base(compressed, leaveOpen, new Encoder(preset))
    {
    }

    private sealed unsafe class Encoder : IEncoder
    {
        // liblzma remembers the address of this struct, so it lies outside of what the collector moves.
        private XzCalls.LzmaStream* _stream;

        internal Encoder(int preset)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(preset);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(preset, 9);
            _stream = (XzCalls.LzmaStream*)NativeMemory.AllocZeroed((nuint)sizeof(XzCalls.LzmaStream));
            int result = XzCalls.lzma_easy_encoder(_stream, (uint)preset, XzCalls.CheckCrc64);
            if (result != XzCalls.Ok)
            {
                Free();
                throw new InvalidOperationException($"liblzma could not make an encoder (code {result}).");
            }
        }

        ~Encoder() => Free();

        public bool Encode(ReadOnlySpan<byte> input, Span<byte> output, EncoderDirective directive, out int consumed, out int produced)
        {
            ObjectDisposedException.ThrowIf(_stream is null, this);
            int action = directive switch
            {
                EncoderDirective.Continue => XzCalls.ActionRun,
                EncoderDirective.Flush => XzCalls.ActionSyncFlush,
                _ => XzCalls.ActionFinish,
            };
            fixed (byte* from = input, to = output)
            {
                _stream->NextIn = from;
                _stream->AvailableIn = (nuint)input.Length;
                _stream->NextOut = to;
                _stream->AvailableOut = (nuint)output.Length;
                int result = XzCalls.lzma_code(_stream, action);
                consumed = input.Length - (int)_stream->AvailableIn;
                produced = output.Length - (int)_stream->AvailableOut;
                if (result is not (XzCalls.Ok or XzCalls.StreamEnd))
                {
                    throw new InvalidOperationException($"liblzma cannot compress (code {result}).");
                }

                return directive == EncoderDirective.Continue ? consumed == input.Length : result == XzCalls.StreamEnd;
            }
        }

        public void Dispose()
        {
            Free();
            GC.SuppressFinalize(this);
        }

        private void Free()
        {
            if (_stream is not null)
            {
                XzCalls.lzma_end(_stream);
                NativeMemory.Free(_stream);
                _stream = null;
            }
        }
    }
}
