using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Compression;

/// <summary>Writes one .bz2 stream, with the system's libbz2; see <see cref="Bzip2.IsAvailable"/>.</summary>
public sealed class Bzip2CompressStream : CompressStream
{
    /// <summary>Writes to a stream in blocks of 100 to 900 kB; takes about eight times that in memory.</summary>
    /// <param name="compressed">Where to.</param>
    /// <param name="blockSize">1 to 9, in units of 100 kB.</param>
    /// <param name="leaveOpen">Whether <paramref name="compressed"/> stays open.</param>
    public Bzip2CompressStream(Stream compressed, int blockSize, bool leaveOpen = false)
        : base(compressed, leaveOpen, new Encoder(blockSize))
    {
    }

    private sealed unsafe class Encoder : IEncoder
    {
        // libbz2 compares the address of this struct, so it lies outside of what the collector moves.
        private Bzip2Calls.BzStream* _stream;

        internal Encoder(int blockSize)
        {
            _stream = (Bzip2Calls.BzStream*)NativeMemory.AllocZeroed((nuint)sizeof(Bzip2Calls.BzStream));
            int result = Bzip2Calls.BZ2_bzCompressInit(_stream, blockSize, verbosity: 0, workFactor: 0);
            if (result != Bzip2Calls.Ok)
            {
                NativeMemory.Free(_stream);
                _stream = null;
                throw new InvalidOperationException($"libbz2 could not make an encoder (code {result}).");
            }
        }

        ~Encoder() => Free();

        public bool Encode(ReadOnlySpan<byte> input, Span<byte> output, EncoderDirective directive, out int consumed, out int produced)
        {
            ObjectDisposedException.ThrowIf(_stream is null, this);
            int action = directive switch
            {
                EncoderDirective.Continue => Bzip2Calls.ActionRun,
                EncoderDirective.Flush => Bzip2Calls.ActionFlush,
                _ => Bzip2Calls.ActionFinish,
            };
            fixed (byte* from = input, to = output)
            {
                _stream->NextIn = from;
                _stream->AvailableIn = (uint)input.Length;
                _stream->NextOut = to;
                _stream->AvailableOut = (uint)output.Length;
                int result = Bzip2Calls.BZ2_bzCompress(_stream, action);
                consumed = input.Length - (int)_stream->AvailableIn;
                produced = output.Length - (int)_stream->AvailableOut;
                if (result < 0)
                {
                    throw new InvalidOperationException($"libbz2 cannot compress (code {result}).");
                }

                // A flush that is done says "run on"; until then it says "flush on".
                return directive switch
                {
                    EncoderDirective.Continue => consumed == input.Length,
                    EncoderDirective.Flush => result == Bzip2Calls.RunOk,
                    _ => result == Bzip2Calls.StreamEnd,
                };
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
                _ = Bzip2Calls.BZ2_bzCompressEnd(_stream);
                NativeMemory.Free(_stream);
                _stream = null;
            }
        }
    }
}
