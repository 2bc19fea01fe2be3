using Microsoft.Win32.SafeHandles;

namespace NixFuseStore.Native.Compression;

// Owns a ZSTD_CCtx. The finalizer of the handle frees the context of a thread that has ended.
internal sealed class ZstdCompressionContext : SafeHandleZeroOrMinusOneIsInvalid
{
    public ZstdCompressionContext()
        : base(ownsHandle: true)
    {
        SetHandle(ZstdCalls.ZSTD_createCCtx());
        if (IsInvalid)
        {
            throw new InvalidOperationException("libzstd could not make a compression context.");
        }
    }

    internal nint Pointer => handle;

    protected override bool ReleaseHandle() => ZstdCalls.ZSTD_isError(ZstdCalls.ZSTD_freeCCtx(handle)) == 0;
}
