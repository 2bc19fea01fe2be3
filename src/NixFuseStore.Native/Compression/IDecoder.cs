namespace NixFuseStore.Native.Compression;

// A decompressor of a system library, fed with pieces of its input.
internal interface IDecoder : IDisposable
{
    // Whether the input may end here: nothing half-read is left.
    bool IsAtEnd { get; }

    // Consumes some input and produces some output; throws InvalidDataException where the input is not of the format.
    // `final` says that no more input comes.
    void Decode(ReadOnlySpan<byte> input, Span<byte> output, bool final, out int consumed, out int produced);
}
