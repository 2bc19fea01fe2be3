using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>A valid path as it is registered.</summary>
public sealed record StoredPath
{
    /// <summary>The base name.</summary>
    public required StorePath Path { get; init; }

    /// <summary>SHA-256 of the NAR, 32 bytes.</summary>
    public required byte[] NarHash { get; init; }

    /// <summary>Bytes of the NAR.</summary>
    public required ulong NarSize { get; init; }

    /// <summary>Sorted bytewise; includes the path itself where it refers to itself.</summary>
    public required IReadOnlyList<StorePath> References { get; init; }

    /// <summary>The derivation that built it, where that is known; it need not be valid.</summary>
    public StorePath? Deriver { get; init; }

    /// <summary>Nix's text form, or null.</summary>
    public string? ContentAddress { get; init; }

    /// <summary>SHA-256 of <see cref="ManifestHeader"/>.</summary>
    public required ManifestDigest ManifestDigest { get; init; }

    /// <summary>Canonical bytes of the manifest header.</summary>
    public required byte[] ManifestHeader { get; init; }

    /// <summary>Nix signatures over the fingerprint, <c>name:base64</c>.</summary>
    public required IReadOnlyList<string> Signatures { get; init; }

    /// <summary>The store's own signatures over the path statement, <c>name:base64</c>.</summary>
    public required IReadOnlyList<string> StoreSignatures { get; init; }

    /// <summary>Seconds since 1970.</summary>
    public required long RegistrationTime { get; init; }

    /// <summary>Whether it was built by the host that pushed it.</summary>
    public bool Ultimate { get; init; }

    /// <summary>Whether something of its content or manifest is known to be damaged; the path counts as missing where that can be mended.</summary>
    public bool IsDamaged { get; init; }

    /// <summary>Number of the event that made it valid.</summary>
    public required ulong Event { get; init; }
}
