using System.Runtime.CompilerServices;
using FASTER.core;
using NixFuseStore.Cache.Devices;

namespace NixFuseStore.Cache.Log;

/// <summary>
/// Tells FASTER how long values are. Unlike FASTER's own for <see cref="SpanByte"/>, it never believes a length beyond the largest
/// chunk, and it lets a reader say how long a record will be, so that a disk read is one request instead of header, then record.
/// </summary>
internal sealed class ChunkValueLength(int chunkBytesMax) : IVariableLengthStruct<SpanByte>
{
    /// <summary>What a reader that does not know the length reads at first: the average chunk.</summary>
    public const int UnknownLength = 64 << 10;

    public int GetLength(ref SpanByte t) => sizeof(int) + Math.Clamp(t.Length, 0, chunkBytesMax);

    public int GetInitialLength() => sizeof(int) + (DeferredReads.Current?.ExpectedValueBytes ?? UnknownLength);

    public unsafe void Serialize(ref SpanByte source, void* destination) => source.CopyTo((byte*)destination);

    public unsafe ref SpanByte AsRef(void* source) => ref Unsafe.AsRef<SpanByte>(source);

    public unsafe void Initialize(void* source, void* end) => *(int*)source = (int)((byte*)end - (byte*)source) - sizeof(int);
}
