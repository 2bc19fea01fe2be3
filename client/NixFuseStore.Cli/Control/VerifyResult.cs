namespace NixFuseStore.Cli.Control;

/// <summary>What checking a cache found.</summary>
/// <param name="CacheDirectory">The cache.</param>
/// <param name="Entries">Chunks looked at.</param>
/// <param name="Bytes">Plain bytes of the sound ones.</param>
/// <param name="Bad">Damaged chunks.</param>
/// <param name="Dropped">Damaged chunks that were dropped, to be fetched again when they are needed.</param>
internal sealed record VerifyResult(string CacheDirectory, long Entries, long Bytes, long Bad, long Dropped);
