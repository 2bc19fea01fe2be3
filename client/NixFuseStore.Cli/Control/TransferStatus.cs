namespace NixFuseStore.Cli.Control;

/// <summary>What came from the server since the mount began.</summary>
/// <param name="ReceivedBytes">Bytes of chunks as they travelled.</param>
/// <param name="ReadAheadBytes">Plain bytes that were fetched before a reader asked for them.</param>
/// <param name="ReadAheadUsedBytes">Those of them that a reader then asked for.</param>
/// <param name="BadChunks">Chunks that were not what they were named, and were refused.</param>
internal sealed record TransferStatus(long ReceivedBytes, long ReadAheadBytes, long ReadAheadUsedBytes, long BadChunks);
