using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>Signatures to be added to a path, <c>name:base64</c>.</summary>
/// <param name="Path">The path.</param>
/// <param name="Signatures">Nix signatures over the fingerprint.</param>
public sealed record PathSignatures(StorePath Path, IReadOnlyCollection<string> Signatures)
{
    /// <summary>Nix signatures that a path has at most. Every record and .narinfo of it carries them all.</summary>
    public const int CountMax = 64;

    /// <summary>The store's own signatures over the path statement.</summary>
    public IReadOnlyCollection<string> StoreSignatures { get; init; } = [];
}

/// <summary>What became of signatures.</summary>
/// <param name="NotValid">The named paths that are not valid.</param>
/// <param name="Full">Paths that had no room for all of theirs.</param>
public sealed record SignaturesResult(IReadOnlyCollection<StorePath> NotValid, IReadOnlyCollection<StorePath> Full);
