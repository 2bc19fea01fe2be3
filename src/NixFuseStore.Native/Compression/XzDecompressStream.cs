using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Compression;

/// <summary>The formats that liblzma reads.</summary>
public enum LzmaFormat
{
    /// <summary>.xz</summary>
    Xz,

    /// <summary>.lzma, a single stream.</summary>
    Lzma,

    /// <summary>.lz, as lzip writes it.</summary>
    Lzip,
}

/// <summary>Reads .xz or .lz streams, one after another, or one .lzma stream. Those that need more than 256 MiB of memory are refused.</summary>
public sealed class XzDecompressStream : DecompressStream
{
    // The largest preset of xz needs 65 MiB.
    private const ulong MemoryBytesMax = 256 * 1024 * 1024;

    /// <summary>Reads from a compressed stream, which is disposed along unless <paramref name="leaveOpen"/>.</summary>
    public XzDecompressStream(Stream compressed, bool leaveOpen = false, LzmaFormat format = LzmaFormat.Xz)
        : base(compressed, leaveOpen, new Decoder(format))
    {
    }

    private sealed unsafe class Decoder : IDecoder
    {
        // liblzma remembers the address of this struct, so it lies outside of what the collector moves.
        private XzCalls.LzmaStream* _stream;

        internal Decoder(LzmaFormat format)
        {
            _stream = (XzCalls.LzmaStream*)NativeMemory.AllocZeroed((nuint)sizeof(XzCalls.LzmaStream));
            int result = format switch
            {
                LzmaFormat.Lzma => XzCalls.lzma_alone_decoder(_stream, MemoryBytesMax),
                LzmaFormat.Lzip => XzCalls.lzma_lzip_decoder(_stream, MemoryBytesMax, XzCalls.Concatenated),
                _ => XzCalls.lzma_stream_decoder(_stream, MemoryBytesMax, XzCalls.Concatenated),
            };
            if (result != XzCalls.Ok)
            {
                Free();
                throw new InvalidOperationException($"liblzma could not make a decoder (code {result}).");
            }
        }

        ~Decoder() => Free();

        public bool IsAtEnd { get; private set; }

        public void Decode(ReadOnlySpan<byte> input, Span<byte> output, bool final, out int consumed, out int produced)
        {
            ObjectDisposedException.ThrowIf(_stream is null, this);
            if (IsAtEnd)
            {
                // Nothing follows the end of an .lzma stream; streams of the other formats end with the input.
                (consumed, produced) = (0, 0);
                if (!input.IsEmpty)
                {
                    throw new InvalidDataException("The compressed data goes on behind its end.");
                }

                return;
            }

            fixed (byte* from = input, to = output)
            {
                _stream->NextIn = from;
                _stream->AvailableIn = (nuint)input.Length;
                _stream->NextOut = to;
                _stream->AvailableOut = (nuint)output.Length;
                int result = XzCalls.lzma_code(_stream, final ? XzCalls.ActionFinish : XzCalls.ActionRun);
                consumed = input.Length - (int)_stream->AvailableIn;
                produced = output.Length - (int)_stream->AvailableOut;
                IsAtEnd = result == XzCalls.StreamEnd;
                if (result is not (XzCalls.Ok or XzCalls.StreamEnd or XzCalls.BufferError))
                {
                    throw new InvalidDataException(result == XzCalls.MemoryLimit
                        ? $"The xz data needs more than {MemoryBytesMax >> 20} MiB of memory."
                        : $"The xz data is malformed (liblzma's code {result}).");
                }
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
