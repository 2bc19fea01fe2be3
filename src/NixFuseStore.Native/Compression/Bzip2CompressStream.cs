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

    private sealed unsafe class Encoder : LibraryEncoder<Bzip2Calls.BzStream>
    {
        internal Encoder(int blockSize)
        {
            int result = Bzip2Calls.BZ2_bzCompressInit(Stream, blockSize, verbosity: 0, workFactor: 0);
            Start(result == Bzip2Calls.Ok, "libbz2", result);
        }

        public override bool Encode(ReadOnlySpan<byte> input, Span<byte> output, EncoderDirective directive, out int consumed, out int produced)
        {
            var stream = Stream;
            int action = directive switch
            {
                EncoderDirective.Continue => Bzip2Calls.ActionRun,
                EncoderDirective.Flush => Bzip2Calls.ActionFlush,
                _ => Bzip2Calls.ActionFinish,
            };
            fixed (byte* from = input, to = output)
            {
                stream->NextIn = from;
                stream->AvailableIn = (uint)input.Length;
                stream->NextOut = to;
                stream->AvailableOut = (uint)output.Length;
                int result = Bzip2Calls.BZ2_bzCompress(stream, action);
                consumed = input.Length - (int)stream->AvailableIn;
                produced = output.Length - (int)stream->AvailableOut;
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

        protected override void End(Bzip2Calls.BzStream* stream) => _ = Bzip2Calls.BZ2_bzCompressEnd(stream);
    }
}
