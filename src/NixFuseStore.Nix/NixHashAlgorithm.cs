namespace NixFuseStore.Nix;

/// <summary>The hash algorithms that Nix knows.</summary>
public enum NixHashAlgorithm
{
    /// <summary>MD5, 16 bytes; fixed outputs of old.</summary>
    Md5,

    /// <summary>SHA-1, 20 bytes; fixed outputs and Git trees.</summary>
    Sha1,

    /// <summary>SHA-256, 32 bytes; NAR hashes, text, everything of Nix's own.</summary>
    Sha256,

    /// <summary>SHA-512, 64 bytes; fixed outputs.</summary>
    Sha512,
}
