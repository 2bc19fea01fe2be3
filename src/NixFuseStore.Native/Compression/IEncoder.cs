namespace NixFuseStore.Native.Compression;

// A compressor of a system library, fed with pieces of its input.
internal interface IEncoder : IDisposable
{
    // Consumes some input and produces some output. Without input, `directive` asks for what was held back.
    // False where the output was too short for all of it: then there is more to come, with the rest of the input.
    bool Encode(ReadOnlySpan<byte> input, Span<byte> output, EncoderDirective directive, out int consumed, out int produced);
}
