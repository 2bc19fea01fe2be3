using System.Text;

namespace NixFuseStore.Nix;

/// <summary>What a Nix store records of a valid path.</summary>
public sealed record PathInfo
{
    /// <summary>The path.</summary>
    public required StorePath Path { get; init; }

    /// <summary>SHA-256 of the path's NAR.</summary>
    public required NixHash NarHash { get; init; }

    /// <summary>Bytes of the path's NAR; 0 where the store does not know.</summary>
    public required ulong NarSize { get; init; }

    /// <summary>The paths that it refers to, ascending; itself among them where it refers to itself.</summary>
    public IReadOnlyList<StorePath> References { get; init; } = [];

    /// <summary>The derivation that made it, as far as known; it need not be valid.</summary>
    public StorePath? Deriver { get; init; }

    /// <summary>The content address, of objects that have one.</summary>
    public ContentAddress? ContentAddress { get; init; }

    /// <summary>Signatures over <see cref="Fingerprint"/>, by whomever.</summary>
    public IReadOnlyList<NixSignature> Signatures { get; init; } = [];

    /// <summary>Seconds since 1970.</summary>
    public long RegistrationTime { get; init; }

    /// <summary>Whether it was built here (and needs no signature here).</summary>
    public bool Ultimate { get; init; }

    /// <summary>What Nix's signatures cover: <c>1;path;NAR hash;NAR size;references</c>.</summary>
    public string Fingerprint(StoreDirectory directory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        var text = new StringBuilder();
        text.Append("1;").Append(directory.Print(Path)).Append(';').Append(NarHash).Append(';').Append(NarSize).Append(';');
        text.AppendJoin(',', References.Order().Select(directory.Print));
        return text.ToString();
    }

    /// <summary>Whether some signature by one of these keys holds.</summary>
    public bool IsSignedByAny(StoreDirectory directory, IEnumerable<NixPublicKey> keys)
    {
        byte[] message = Encoding.UTF8.GetBytes(Fingerprint(directory));
        return keys.Any(key => Signatures.Any(signature => key.Verify(message, signature)));
    }

    /// <summary>Adds this key's signature.</summary>
    public PathInfo WithSignature(StoreDirectory directory, NixSecretKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return this with { Signatures = [.. Signatures, key.Sign(Encoding.UTF8.GetBytes(Fingerprint(directory)))] };
    }
}
