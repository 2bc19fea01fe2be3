namespace NixFuseStore.Cache.Checkpoints;

/// <summary>What a checkpoint says besides the chunks.</summary>
/// <param name="PageBytes">A page of the log.</param>
/// <param name="SegmentBytes">A file of the log.</param>
/// <param name="ChunkBytesMax">Most plain bytes of a chunk.</param>
/// <param name="BeginAddress">First byte of the log that is not given up.</param>
/// <param name="TailAddress">End of the log.</param>
internal readonly record struct Checkpoint(long PageBytes, long SegmentBytes, long ChunkBytesMax, long BeginAddress, long TailAddress);
