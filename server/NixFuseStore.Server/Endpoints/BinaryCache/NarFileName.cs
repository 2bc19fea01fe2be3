using NixFuseStore.Nix;
using NixFuseStore.Nix.BinaryCaches;

namespace NixFuseStore.Server.Endpoints.BinaryCache;

/// <summary>
/// What stands behind <c>nar/</c>. Two kinds: names that this server gives, <c>HASHPART-NARHASH.nar[.zst]</c>, and names that uploaders
/// give, <c>FILEHASH.nar[.…]</c>, which they go on using afterwards. Both name one content for ever.
/// </summary>
/// <param name="HashPart">Hash part of the path; null for an uploaded file.</param>
/// <param name="Hash">SHA-256 of the NAR, or of the uploaded file.</param>
/// <param name="Compression">Of a name of this server's. Of an uploaded file, what it is where its first bytes do not tell.</param>
internal sealed record NarFileName(string? HashPart, NixHash Hash, NarCompression Compression)
{
    private const string Plain = ".nar";
    private const string Zstd = ".nar.zst";
    private const string Brotli = ".nar.br";
    private const string Lz4 = ".nar.lz4";

    /// <summary>Characters of a SHA-256 in Nix's base 32.</summary>
    private const int HashLength = 52;

    /// <summary>Endings that Nix gives to files, whatever they hold; an ending says nothing that the first bytes do not say better.</summary>
    private static readonly string[] Endings = [Plain, ".nar.xz", ".nar.bz2", Zstd, ".nar.gz", Lz4, ".nar.lzip", Brotli];

    /// <summary>Under which a path's NAR is offered.</summary>
    public static string Of(StorePath path, NixHash narHash) => $"{path.HashPart}-{narHash.ToBase32()}{Zstd}";

    /// <summary>Reads a name; null where it is neither of both kinds.</summary>
    public static NarFileName? Parse(string name)
    {
        var dot = name.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0 || !Endings.Contains(name[dot..]))
        {
            return null;
        }

        var isOwn = dot == StorePath.HashPartLength + 1 + HashLength;
        var hash = new byte[32];
        if ((!isOwn && dot != HashLength) || !NixBase32.TryDecode(name.AsSpan(dot - HashLength, HashLength), hash))
        {
            return null;
        }

        var narHash = new NixHash(NixHashAlgorithm.Sha256, hash);
        if (!isOwn)
        {
            return new NarFileName(null, narHash, name[dot..] switch
            {
                Brotli => NarCompression.Brotli,
                Lz4 => NarCompression.Lz4,
                _ => NarCompression.None,
            });
        }

        return name[dot..] is Plain or Zstd && name[StorePath.HashPartLength] == '-' && StorePath.IsHashPart(name[..StorePath.HashPartLength])
            ? new NarFileName(name[..StorePath.HashPartLength], narHash, name.EndsWith(Zstd, StringComparison.Ordinal) ? NarCompression.Zstd : NarCompression.None)
            : null;
    }
}
