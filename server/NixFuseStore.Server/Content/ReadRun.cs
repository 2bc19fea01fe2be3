using NixFuseStore.Protocol.DataPlane;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Content;

/// <summary>Frames that go out together: those of chunks that one read of a pack brings, or one frame without a chunk.</summary>
/// <param name="Pack">Where to read.</param>
/// <param name="Offset">From where, in bytes.</param>
/// <param name="Length">How many bytes; 0 where nothing is to be read.</param>
/// <param name="Frames">The headers in order; their chunks lie one behind the other in the pack.</param>
/// <param name="Places">The places of these chunks; none where nothing is to be read.</param>
internal sealed record ReadRun(
    PackId Pack, long Offset, int Length, IReadOnlyList<FrameHeader> Frames, IReadOnlyList<ChunkLocation> Places);
