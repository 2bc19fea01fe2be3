using Microsoft.Win32.SafeHandles;

namespace NixFuseStore.Native.Compression;

// Owns a ZSTD_DCtx. The finalizer of the handle frees the context of a thread that has ended.
internal sealed class ZstdDecompressionContext : SafeHandleZeroOrMinusOneIsInvalid
{
    public ZstdDecompressionContext()
        : base(ownsHandle: true)
    {
        SetHandle(ZstdCalls.ZSTD_createDCtx());
        if (IsInvalid)
        {
            throw new InvalidOperationException("libzstd could not make a decompression context.");
        }
    }

    internal nint Pointer => handle;

    protected override bool ReleaseHandle() => ZstdCalls.ZSTD_isError(ZstdCalls.ZSTD_freeDCtx(handle)) == 0;
}
