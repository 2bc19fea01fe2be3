using System.Security.Cryptography;

namespace NixFuseStore.Nix;

/// <summary>A digest and the algorithm that made it, in the text forms that Nix reads and writes. Immutable.</summary>
public sealed class NixHash : IEquatable<NixHash>
{
    private readonly byte[] _digest;

    /// <summary>Copies the digest.</summary>
    /// <exception cref="ArgumentException">The algorithm makes digests of another length.</exception>
    public NixHash(NixHashAlgorithm algorithm, ReadOnlySpan<byte> digest)
    {
        if (digest.Length != DigestLength(algorithm))
        {
            throw new ArgumentException($"A {NameOf(algorithm)} digest has {DigestLength(algorithm)} bytes, not {digest.Length}.", nameof(digest));
        }

        Algorithm = algorithm;
        _digest = digest.ToArray();
    }

    /// <summary>The algorithm that made the digest.</summary>
    public NixHashAlgorithm Algorithm { get; }

    /// <summary>The digest itself.</summary>
    public ReadOnlySpan<byte> Digest => _digest;

    /// <summary>Bytes of a digest.</summary>
    public static int DigestLength(NixHashAlgorithm algorithm) => algorithm switch
    {
        NixHashAlgorithm.Md5 => 16,
        NixHashAlgorithm.Sha1 => 20,
        NixHashAlgorithm.Sha256 => 32,
        NixHashAlgorithm.Sha512 => 64,
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm)),
    };

    /// <summary>The name in Nix's texts: <c>md5</c>, <c>sha1</c>, <c>sha256</c> or <c>sha512</c>.</summary>
    public static string NameOf(NixHashAlgorithm algorithm) => algorithm switch
    {
        NixHashAlgorithm.Md5 => "md5",
        NixHashAlgorithm.Sha1 => "sha1",
        NixHashAlgorithm.Sha256 => "sha256",
        NixHashAlgorithm.Sha512 => "sha512",
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm)),
    };

    /// <summary>Finds an algorithm by its name in Nix's texts.</summary>
    public static bool TryParseAlgorithm(ReadOnlySpan<char> name, out NixHashAlgorithm algorithm)
    {
        (algorithm, bool known) = name switch
        {
            "md5" => (NixHashAlgorithm.Md5, true),
            "sha1" => (NixHashAlgorithm.Sha1, true),
            "sha256" => (NixHashAlgorithm.Sha256, true),
            "sha512" => (NixHashAlgorithm.Sha512, true),
            _ => (default, false),
        };
        return known;
    }

    /// <summary>The SHA-256 of some bytes.</summary>
    public static NixHash Sha256(ReadOnlySpan<byte> bytes)
    {
        Span<byte> digest = stackalloc byte[32];
        SHA256.HashData(bytes, digest);
        return new NixHash(NixHashAlgorithm.Sha256, digest);
    }

    /// <summary>
    /// Reads <c>algorithm:digits</c> or SRI <c>algorithm-base64</c>; digits are hex, base-32 or base-64, told apart by their number.
    /// Without a prefix the algorithm is <paramref name="assumed"/>, and there must be one.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<char> text, NixHashAlgorithm? assumed, out NixHash? hash)
    {
        hash = null;
        int separator = text.IndexOfAny(':', '-');
        var digits = text;
        NixHashAlgorithm algorithm;
        bool base64Only = false;
        if (separator >= 0)
        {
            if (!TryParseAlgorithm(text[..separator], out algorithm) || (assumed is { } wanted && wanted != algorithm))
            {
                return false;
            }

            base64Only = text[separator] == '-';
            digits = text[(separator + 1)..];
        }
        else if (assumed is { } given)
        {
            algorithm = given;
        }
        else
        {
            return false;
        }

        Span<byte> digest = stackalloc byte[DigestLength(algorithm)];
        if (!TryReadDigits(digits, digest, base64Only))
        {
            return false;
        }

        hash = new NixHash(algorithm, digest);
        return true;
    }

    /// <summary>As <see cref="TryParse"/>.</summary>
    /// <exception cref="FormatException">The text is no such hash.</exception>
    public static NixHash Parse(string text, NixHashAlgorithm? assumed = null) =>
        TryParse(text, assumed, out var hash) ? hash! : throw new FormatException($"'{text}' is not a hash that Nix writes.");

    /// <summary>A copy of the digest.</summary>
    public byte[] ToArray() => (byte[])_digest.Clone();

    /// <summary>Lowercase hex digits without a prefix.</summary>
    public string ToHex() => Convert.ToHexStringLower(_digest);

    /// <summary>Base-32 digits without a prefix.</summary>
    public string ToBase32() => NixBase32.Encode(_digest);

    /// <summary>The form of the web, <c>sha256-base64</c>.</summary>
    public string ToSri() => $"{NameOf(Algorithm)}-{Convert.ToBase64String(_digest)}";

    /// <summary>The form of narinfo files and content addresses, <c>sha256:base32</c>.</summary>
    public override string ToString() => $"{NameOf(Algorithm)}:{ToBase32()}";

    /// <inheritdoc/>
    public bool Equals(NixHash? other) => other is not null && other.Algorithm == Algorithm && _digest.AsSpan().SequenceEqual(other._digest);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as NixHash);

    /// <inheritdoc/>
    public override int GetHashCode() => BitConverter.ToInt32(_digest);

    private static bool TryReadDigits(ReadOnlySpan<char> digits, Span<byte> digest, bool base64Only)
    {
        if (!base64Only && digits.Length == digest.Length * 2)
        {
            return Convert.FromHexString(digits, digest, out _, out _) == System.Buffers.OperationStatus.Done;
        }

        if (!base64Only && digits.Length == NixBase32.EncodedLength(digest.Length))
        {
            return NixBase32.TryDecode(digits, digest);
        }

        // Base-64 decoders skip white space; a hash has none.
        return digits.Length == (digest.Length + 2) / 3 * 4
            && Convert.TryFromBase64Chars(digits, digest, out int written)
            && written == digest.Length;
    }
}
