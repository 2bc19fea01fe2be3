using FASTER.core;
using NixFuseStore.Content;

namespace NixFuseStore.Cache.Log;

/// <summary>
/// What FASTER calls back on one session, which one thread uses at a time: it copies a value straight into a chunk buffer, and a chunk
/// straight into the log.
/// </summary>
internal sealed class LogFunctions(int chunkBytesMax) : FunctionsBase<ChunkKey, SpanByte, Empty, Empty, Empty>
{
    private ChunkBuffer? _found;

    /// <summary>Where the value found lies in the log.</summary>
    public long Address { get; private set; }

    /// <summary>The chunk found, which now belongs to the caller; null when there was none, or one of impossible length.</summary>
    public ChunkBuffer? TakeFound()
    {
        var found = _found;
        _found = null;
        return found;
    }

    /// <summary>Of a record in the immutable part of memory, or from disk.</summary>
    public override bool SingleReader(ref ChunkKey key, ref Empty input, ref SpanByte value, ref Empty dst, ref ReadInfo readInfo)
    {
        Copy(ref value, readInfo.Address);
        return true;
    }

    /// <summary>Of a record in the mutable part of memory. Values never change there, so nothing is locked.</summary>
    public override bool ConcurrentReader(ref ChunkKey key, ref Empty input, ref SpanByte value, ref Empty dst, ref ReadInfo readInfo)
    {
        Copy(ref value, readInfo.Address);
        return true;
    }

    public override bool SingleWriter(
        ref ChunkKey key, ref Empty input, ref SpanByte src, ref SpanByte dst, ref Empty output, ref UpsertInfo upsertInfo, WriteReason reason)
    {
        src.CopyTo(ref dst);
        return true;
    }

    /// <summary>A chunk that was dropped and comes again while its record is still mutable: a new record is written.</summary>
    public override bool ConcurrentWriter(
        ref ChunkKey key, ref Empty input, ref SpanByte src, ref SpanByte dst, ref Empty output, ref UpsertInfo upsertInfo) => false;

    private void Copy(ref SpanByte value, long address)
    {
        // FASTER may come back to a record after it had to start over.
        _found?.Release();
        _found = null;
        Address = address;
        var length = value.Length;
        if (length <= 0 || length > chunkBytesMax)
        {
            return;
        }

        var buffer = ChunkBuffer.Allocate(length);
        value.AsReadOnlySpan().CopyTo(buffer.Span);
        _found = buffer;
    }
}
