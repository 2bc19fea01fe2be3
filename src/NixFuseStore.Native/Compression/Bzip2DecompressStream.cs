using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Compression;

/// <summary>Reads .bz2 streams, one after another, with the system's libbz2; see <see cref="Bzip2.IsAvailable"/>. Takes 4 MiB at most.</summary>
public sealed class Bzip2DecompressStream : DecompressStream
{
    /// <summary>Reads from a compressed stream, which is disposed along unless <paramref name="leaveOpen"/>.</summary>
    public Bzip2DecompressStream(Stream compressed, bool leaveOpen = false)
        : base(compressed, leaveOpen, new Decoder())
    {
    }

    private sealed unsafe class Decoder : IDecoder
    {
        // libbz2 compares the address of this struct, so it lies outside of what the collector moves.
        private Bzip2Calls.BzStream* _stream;

        internal Decoder() => Begin();

        ~Decoder() => Free();

        public bool IsAtEnd { get; private set; }

        public void Decode(ReadOnlySpan<byte> input, Span<byte> output, bool final, out int consumed, out int produced)
        {
            ObjectDisposedException.ThrowIf(_stream is null, this);
            consumed = 0;
            produced = 0;
            if (input.IsEmpty && IsAtEnd)
            {
                return;
            }

            if (IsAtEnd)
            {
                Free();
                Begin();
            }

            fixed (byte* from = input, to = output)
            {
                _stream->NextIn = from;
                _stream->AvailableIn = (uint)input.Length;
                _stream->NextOut = to;
                _stream->AvailableOut = (uint)output.Length;
                int result = Bzip2Calls.BZ2_bzDecompress(_stream);
                consumed = input.Length - (int)_stream->AvailableIn;
                produced = output.Length - (int)_stream->AvailableOut;
                IsAtEnd = result == Bzip2Calls.StreamEnd;
                if (result is not (Bzip2Calls.Ok or Bzip2Calls.StreamEnd))
                {
                    throw new InvalidDataException($"The bzip2 data is malformed (libbz2's code {result}).");
                }
            }
        }

        public void Dispose()
        {
            Free();
            GC.SuppressFinalize(this);
        }

        private void Begin()
        {
            IsAtEnd = false;
            _stream = (Bzip2Calls.BzStream*)NativeMemory.AllocZeroed((nuint)sizeof(Bzip2Calls.BzStream));
            int result = Bzip2Calls.BZ2_bzDecompressInit(_stream, verbosity: 0, small: 0);
            if (result != Bzip2Calls.Ok)
            {
                NativeMemory.Free(_stream);
                _stream = null;
                throw new InvalidOperationException($"libbz2 could not make a decoder (code {result}).");
            }
        }

        private void Free()
        {
            if (_stream is not null)
            {
                _ = Bzip2Calls.BZ2_bzDecompressEnd(_stream);
                NativeMemory.Free(_stream);
                _stream = null;
            }
        }
    }
}
