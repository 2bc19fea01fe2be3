using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Content;

/// <summary>All segments of a compressed NAR.</summary>
/// <param name="Segments">In order.</param>
/// <param name="Places">Where the chunks of the NAR lie, by ordinal.</param>
/// <param name="Length">Bytes of the file.</param>
/// <param name="Weight">Bytes of memory that it holds, about.</param>
internal sealed record BuiltZstdNar(IReadOnlyList<ZstdSegment> Segments, IReadOnlyList<ChunkLocation> Places, long Length, long Weight);
