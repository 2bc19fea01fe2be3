using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Compression;

/// <summary>The functions of libzstd that are called here; all of them belong to its stable interface.</summary>
internal static unsafe partial class ZstdCalls
{
    private const string Library = "libzstd.so.1";

    internal const int ParameterCompressionLevel = 100; // ZSTD_c_compressionLevel
    internal const int ParameterWindowLogMax = 100;     // ZSTD_d_windowLogMax
    internal const int DirectiveContinue = 0;           // ZSTD_e_continue
    internal const int DirectiveFlush = 1;              // ZSTD_e_flush
    internal const int DirectiveEnd = 2;                // ZSTD_e_end
    internal const int ResetSession = 1;                // ZSTD_reset_session_only

    [LibraryImport(Library)]
    internal static partial uint ZSTD_versionNumber();

    [LibraryImport(Library)]
    internal static partial nuint ZSTD_compressBound(nuint sourceLength);

    [LibraryImport(Library)]
    internal static partial nint ZSTD_createCCtx();

    [LibraryImport(Library)]
    internal static partial nuint ZSTD_freeCCtx(nint context);

    [LibraryImport(Library)]
    internal static partial nint ZSTD_createDCtx();

    [LibraryImport(Library)]
    internal static partial nuint ZSTD_freeDCtx(nint context);

    [LibraryImport(Library)]
    internal static partial nuint ZSTD_compressCCtx(
        nint context, byte* destination, nuint capacity, byte* source, nuint sourceLength, int level);

    [LibraryImport(Library)]
    internal static partial nuint ZSTD_decompressDCtx(nint context, byte* destination, nuint capacity, byte* source, nuint sourceLength);

    [LibraryImport(Library)]
    internal static partial nuint ZSTD_findFrameCompressedSize(byte* source, nuint sourceLength);

    [LibraryImport(Library)]
    internal static partial nuint ZSTD_CCtx_setParameter(nint context, int parameter, int value);

    [LibraryImport(Library)]
    internal static partial nuint ZSTD_DCtx_setParameter(nint context, int parameter, int value);

    [LibraryImport(Library)]
    internal static partial nuint ZSTD_DCtx_reset(nint context, int directive);

    [LibraryImport(Library)]
    internal static partial nuint ZSTD_compressStream2(nint context, ZstdBuffer* output, ZstdBuffer* input, int directive);

    [LibraryImport(Library)]
    internal static partial nuint ZSTD_decompressStream(nint context, ZstdBuffer* output, ZstdBuffer* input);

    [LibraryImport(Library)]
    internal static partial uint ZSTD_isError(nuint code);

    [LibraryImport(Library)]
    private static partial byte* ZSTD_getErrorName(nuint code);

    internal static string ErrorName(nuint code) => Marshal.PtrToStringUTF8((nint)ZSTD_getErrorName(code)) ?? "unknown error";

    // ZSTD_inBuffer and ZSTD_outBuffer, which differ only in const.
    [StructLayout(LayoutKind.Sequential)]
    internal struct ZstdBuffer
    {
        public byte* Bytes;
        public nuint Length;
        public nuint Position;
    }
}
