using System.Text;
using NixFuseStore.Nix;

namespace NixFuseStore.Content;

/// <summary>
/// What a store says of a path, and signs with its key. Nix's own signature covers the NAR hash, which a partial reader cannot check;
/// this one covers the manifest too, so that every byte read can be traced back to it.
/// </summary>
/// <remarks>
/// The text, each line ended by a line feed; lines without a value are there all the same:
/// <code>
/// nixfuse-path-1
/// store main
/// path /nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la-hello-2.12
/// nar-hash sha256:1b3…               (base-32, as Nix prints it)
/// nar-size 226552
/// references 3n58…-glibc-2.38 x9p…   (base names in bytewise order, one space between)
/// deriver q7v…-hello-2.12.drv
/// content-address fixed:r:sha256:…
/// ultimate 0
/// manifest 5f1c…                     (hexadecimal)
/// </code>
/// </remarks>
public sealed class PathStatement
{
    private const string Prefix = "nixfuse-path-1";

    private readonly byte[] _text;

    /// <summary>States that a path is valid in a store with this metadata and content.</summary>
    /// <param name="store">The store's name.</param>
    /// <param name="directory">The store's directory.</param>
    /// <param name="info">The path's metadata; its signatures and registration time are not stated.</param>
    /// <param name="manifest">The digest of the path's manifest.</param>
    /// <exception cref="ArgumentException">A value holds a line feed, which no statement can.</exception>
    public PathStatement(string store, StoreDirectory directory, PathInfo info, ManifestDigest manifest)
    {
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(info);
        var references = info.References.Select(reference => reference.BaseName).ToArray();
        Array.Sort(references, string.CompareOrdinal);

        var text = new StringBuilder(512);
        text.Append(Prefix).Append('\n');
        Append(text, "store", store);
        Append(text, "path", directory.Print(info.Path));
        Append(text, "nar-hash", info.NarHash.ToString());
        Append(text, "nar-size", info.NarSize.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Append(text, "references", string.Join(' ', references));
        Append(text, "deriver", info.Deriver?.BaseName ?? "");
        Append(text, "content-address", info.ContentAddress?.ToString() ?? "");
        Append(text, "ultimate", info.Ultimate ? "1" : "0");
        Append(text, "manifest", manifest.ToString());
        _text = Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>A copy of the canonical bytes, which are what is signed.</summary>
    public byte[] ToBytes() => (byte[])_text.Clone();

    /// <summary>Signs the statement with a store's key.</summary>
    public NixSignature Sign(NixSecretKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return key.Sign(_text);
    }

    /// <summary>Whether any of the signatures is one of this statement by any of the keys.</summary>
    public bool IsSignedByAny(IEnumerable<NixPublicKey> keys, IEnumerable<NixSignature> signatures)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(signatures);
        var known = keys as ICollection<NixPublicKey> ?? [.. keys];
        return signatures.Any(signature => known.Any(key => key.Verify(_text, signature)));
    }

    /// <summary>The canonical text.</summary>
    public override string ToString() => Encoding.UTF8.GetString(_text);

    private static void Append(StringBuilder text, string name, string value)
    {
        if (value.Contains('\n', StringComparison.Ordinal))
        {
            throw new ArgumentException($"The {name} of a path statement holds a line feed.");
        }

        text.Append(name).Append(' ').Append(value).Append('\n');
    }
}
