using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Nix.BinaryCaches;

namespace NixFuseStore.Server.Ingest;

/// <summary>A NAR that came in whole, and whose chunks are stored.</summary>
/// <param name="Manifest">Its manifest, as this server cut it.</param>
/// <param name="NarHash">SHA-256 of the NAR.</param>
/// <param name="NarSize">Bytes of the NAR.</param>
/// <param name="Compression">How the file was compressed.</param>
/// <param name="FileHash">SHA-256 of the file.</param>
/// <param name="FileSize">Bytes of the file.</param>
internal sealed record ReceivedNar(
    Manifest Manifest, NixHash NarHash, ulong NarSize, NarCompression Compression, NixHash FileHash, ulong FileSize);
