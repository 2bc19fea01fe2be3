using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>Signatures to be added to a path, <c>name:base64</c>.</summary>
/// <param name="Path">The path.</param>
/// <param name="Signatures">Nix signatures over the fingerprint.</param>
public sealed record PathSignatures(StorePath Path, IReadOnlyCollection<string> Signatures)
{
    /// <summary>The store's own signatures over the path statement.</summary>
    public IReadOnlyCollection<string> StoreSignatures { get; init; } = [];
}
