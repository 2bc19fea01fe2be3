namespace NixFuseStore.Storage.Packs;

/// <summary>What a rebuild of the chunk index found.</summary>
/// <param name="Packs">Packs whose footers could be read.</param>
/// <param name="Chunks">Chunks that they describe.</param>
/// <param name="Skipped">Packs without a good footer: still open, or damaged.</param>
public sealed record PackIndexReport(int Packs, long Chunks, IReadOnlyList<(string Name, string Reason)> Skipped);
