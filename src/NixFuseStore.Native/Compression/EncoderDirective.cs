namespace NixFuseStore.Native.Compression;

// What an encoder is to do besides taking its input.
internal enum EncoderDirective
{
    Continue,
    Flush,
    End,
}
