using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Compression;

/// <summary>The functions of liblz4 that are called here (lz4frame.h).</summary>
internal static unsafe partial class Lz4Calls
{
    internal const string Library = "liblz4.so.1";

    internal const uint Version = 100; // LZ4F_VERSION

    [LibraryImport(Library)]
    internal static partial uint LZ4F_isError(nuint code);

    [LibraryImport(Library)]
    internal static partial byte* LZ4F_getErrorName(nuint code);

    [LibraryImport(Library)]
    internal static partial nuint LZ4F_createDecompressionContext(nint* context, uint version);

    [LibraryImport(Library)]
    internal static partial nuint LZ4F_freeDecompressionContext(nint context);

    [LibraryImport(Library)]
    internal static partial nuint LZ4F_decompress(nint context, byte* output, nuint* outputLength, byte* input, nuint* inputLength, void* options);

    [LibraryImport(Library)]
    internal static partial nuint LZ4F_createCompressionContext(nint* context, uint version);

    [LibraryImport(Library)]
    internal static partial nuint LZ4F_freeCompressionContext(nint context);

    [LibraryImport(Library)]
    internal static partial nuint LZ4F_compressBegin(nint context, byte* output, nuint capacity, void* preferences);

    [LibraryImport(Library)]
    internal static partial nuint LZ4F_compressBound(nuint length, void* preferences);

    [LibraryImport(Library)]
    internal static partial nuint LZ4F_compressUpdate(nint context, byte* output, nuint capacity, byte* input, nuint length, void* options);

    [LibraryImport(Library)]
    internal static partial nuint LZ4F_flush(nint context, byte* output, nuint capacity, void* options);

    [LibraryImport(Library)]
    internal static partial nuint LZ4F_compressEnd(nint context, byte* output, nuint capacity, void* options);

    internal static string ErrorName(nuint code) => Marshal.PtrToStringUTF8((nint)LZ4F_getErrorName(code)) ?? "unknown";
}
