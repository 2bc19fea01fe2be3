using NixFuseStore.Nix;

namespace NixFuseStore.Client.Relations;

/// <summary>A path that can be had from a cache that the server knows.</summary>
/// <param name="Path">The path.</param>
/// <param name="Deriver">Its derivation, as far as known.</param>
/// <param name="References">What it refers to.</param>
/// <param name="DownloadSize">Bytes that the server has to fetch; 0 where not known.</param>
/// <param name="NarSize">Bytes of the NAR.</param>
public sealed record SubstitutePath(
    StorePath Path, StorePath? Deriver, IReadOnlyList<StorePath> References, ulong DownloadSize, ulong NarSize);
