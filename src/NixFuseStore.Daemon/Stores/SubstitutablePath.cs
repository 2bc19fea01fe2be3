using NixFuseStore.Nix;

namespace NixFuseStore.Daemon;

/// <summary>A path that can be had from elsewhere.</summary>
/// <param name="Path">The path.</param>
/// <param name="Deriver">Its derivation, as far as known.</param>
/// <param name="References">What it refers to.</param>
/// <param name="DownloadSize">Bytes to be transferred; 0 where not known.</param>
/// <param name="NarSize">Bytes of the NAR; 0 where not known.</param>
public sealed record SubstitutablePath(
    StorePath Path, StorePath? Deriver, IReadOnlyList<StorePath> References, ulong DownloadSize, ulong NarSize);
