using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Compression;

/// <summary>The functions of liblzma that are called here.</summary>
internal static unsafe partial class XzCalls
{
    private const string Library = "liblzma.so.5";

    internal const uint Concatenated = 0x08; // LZMA_CONCATENATED
    internal const int ActionRun = 0;        // LZMA_RUN
    internal const int ActionSyncFlush = 1;  // LZMA_SYNC_FLUSH
    internal const int ActionFinish = 3;     // LZMA_FINISH
    internal const int CheckCrc64 = 4;       // LZMA_CHECK_CRC64, what xz itself writes
    internal const int Ok = 0;               // LZMA_OK
    internal const int StreamEnd = 1;        // LZMA_STREAM_END
    internal const int MemoryLimit = 6;      // LZMA_MEMLIMIT_ERROR
    internal const int BufferError = 10;     // LZMA_BUF_ERROR: no progress was possible

    [LibraryImport(Library)]
    internal static partial int lzma_stream_decoder(LzmaStream* stream, ulong memoryLimit, uint flags);

    [LibraryImport(Library)]
    internal static partial int lzma_alone_decoder(LzmaStream* stream, ulong memoryLimit);

    /// <summary>Since 5.4.</summary>
    [LibraryImport(Library)]
    internal static partial int lzma_lzip_decoder(LzmaStream* stream, ulong memoryLimit, uint flags);

    [LibraryImport(Library)]
    internal static partial int lzma_alone_encoder(LzmaStream* stream, LzmaOptions* options);

    /// <summary>False where it worked.</summary>
    [LibraryImport(Library)]
    internal static partial byte lzma_lzma_preset(LzmaOptions* options, uint preset);

    [LibraryImport(Library)]
    internal static partial uint lzma_crc32(byte* bytes, nuint length, uint crc);

    [LibraryImport(Library)]
    internal static partial int lzma_easy_encoder(LzmaStream* stream, uint preset, int check);

    [LibraryImport(Library)]
    internal static partial int lzma_code(LzmaStream* stream, int action);

    [LibraryImport(Library)]
    internal static partial void lzma_end(LzmaStream* stream);

    // lzma_options_lzma of lzma/lzma12.h, 112 bytes.
    [StructLayout(LayoutKind.Sequential, Size = 112)]
    internal struct LzmaOptions
    {
        public uint DictionarySize;
    }

    // lzma_stream of lzma/base.h, 136 bytes.
    [StructLayout(LayoutKind.Sequential)]
    internal struct LzmaStream
    {
        public byte* NextIn;
        public nuint AvailableIn;
        public ulong TotalIn;
        public byte* NextOut;
        public nuint AvailableOut;
        public ulong TotalOut;
        public nint Allocator;
        public nint Internal;
        public nint Reserved1;
        public nint Reserved2;
        public nint Reserved3;
        public nint Reserved4;
        public ulong SeekPosition;
        public ulong Reserved5;
        public nuint Reserved6;
        public nuint Reserved7;
        public uint Reserved8;
        public uint Reserved9;
    }
}
