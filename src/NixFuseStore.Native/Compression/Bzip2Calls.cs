using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Compression;

/// <summary>The functions of libbz2 that are called here.</summary>
internal static unsafe partial class Bzip2Calls
{
    internal const string Library = "libbz2.so.1.0";

    internal const int ActionRun = 0;     // BZ_RUN
    internal const int ActionFlush = 1;   // BZ_FLUSH
    internal const int ActionFinish = 2;  // BZ_FINISH
    internal const int Ok = 0;            // BZ_OK
    internal const int RunOk = 1;         // BZ_RUN_OK
    internal const int StreamEnd = 4;     // BZ_STREAM_END

    [LibraryImport(Library)]
    internal static partial int BZ2_bzCompressInit(BzStream* stream, int blockSize, int verbosity, int workFactor);

    [LibraryImport(Library)]
    internal static partial int BZ2_bzCompress(BzStream* stream, int action);

    [LibraryImport(Library)]
    internal static partial int BZ2_bzCompressEnd(BzStream* stream);

    [LibraryImport(Library)]
    internal static partial int BZ2_bzDecompressInit(BzStream* stream, int verbosity, int small);

    [LibraryImport(Library)]
    internal static partial int BZ2_bzDecompress(BzStream* stream);

    [LibraryImport(Library)]
    internal static partial int BZ2_bzDecompressEnd(BzStream* stream);

    // bz_stream of bzlib.h.
    [StructLayout(LayoutKind.Sequential)]
    internal struct BzStream
    {
        public byte* NextIn;
        public uint AvailableIn;
        public uint TotalInLow;
        public uint TotalInHigh;
        public byte* NextOut;
        public uint AvailableOut;
        public uint TotalOutLow;
        public uint TotalOutHigh;
        public nint State;
        public nint Allocate;
        public nint Free;
        public nint Opaque;
    }
}
