namespace NixFuseStore.Native.Compression;

/// <summary>Writes one .xz stream.</summary>
public sealed class XzCompressStream : CompressStream
{
    /// <summary>Writes to a stream with a preset of xz's, 0 (needs 3 MiB of memory) to 9 (674 MiB).</summary>
    public XzCompressStream(Stream compressed, int preset, bool leaveOpen = false)
        : base(compressed, leaveOpen, new Encoder(preset))
    {
    }

    private sealed unsafe class Encoder : LibraryEncoder<XzCalls.LzmaStream>
    {
        internal Encoder(int preset)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(preset);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(preset, 9);
            int result = XzCalls.lzma_easy_encoder(Stream, (uint)preset, XzCalls.CheckCrc64);
            Start(result == XzCalls.Ok, "liblzma", result);
        }

        public override bool Encode(ReadOnlySpan<byte> input, Span<byte> output, EncoderDirective directive, out int consumed, out int produced)
        {
            var stream = Stream;
            int action = directive switch
            {
                EncoderDirective.Continue => XzCalls.ActionRun,
                EncoderDirective.Flush => XzCalls.ActionSyncFlush,
                _ => XzCalls.ActionFinish,
            };
            fixed (byte* from = input, to = output)
            {
                stream->NextIn = from;
                stream->AvailableIn = (nuint)input.Length;
                stream->NextOut = to;
                stream->AvailableOut = (nuint)output.Length;
                int result = XzCalls.lzma_code(stream, action);
                consumed = input.Length - (int)stream->AvailableIn;
                produced = output.Length - (int)stream->AvailableOut;
                if (result is not (XzCalls.Ok or XzCalls.StreamEnd))
                {
                    throw new InvalidOperationException($"liblzma cannot compress (code {result}).");
                }

                return directive == EncoderDirective.Continue ? consumed == input.Length : result == XzCalls.StreamEnd;
            }
        }

        protected override void End(XzCalls.LzmaStream* stream) => XzCalls.lzma_end(stream);
    }
}
