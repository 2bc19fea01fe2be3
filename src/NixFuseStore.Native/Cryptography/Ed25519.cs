using System.Security.Cryptography;

namespace NixFuseStore.Native.Cryptography;

/// <summary>Ed25519 signatures (RFC 8032, pure) by the system's libcrypto. Methods may be called from any thread.</summary>
public static unsafe class Ed25519
{
    /// <summary>Length of a seed in bytes.</summary>
    public const int SeedLength = 32;

    /// <summary>Length of a public key in bytes.</summary>
    public const int PublicKeyLength = 32;

    /// <summary>Length of a signature in bytes.</summary>
    public const int SignatureLength = 64;

    /// <summary>Makes a key from the system's random numbers.</summary>
    public static Ed25519KeyPair Generate()
    {
        byte[] seed = RandomNumberGenerator.GetBytes(SeedLength);
        using var key = new Ed25519SigningKey(seed);
        return new Ed25519KeyPair(seed, key.DerivePublicKey());
    }

    /// <summary>Whether the signature is this key's over this message. False too for keys and signatures of a wrong length.</summary>
    public static bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        if (publicKey.Length != PublicKeyLength || signature.Length != SignatureLength)
        {
            return false;
        }

        int done = 0;
        fixed (byte* keyBytes = publicKey, text = message, from = signature)
        {
            nint key = CryptoCalls.EVP_PKEY_new_raw_public_key(CryptoCalls.KeyTypeEd25519, 0, keyBytes, PublicKeyLength);
            nint context = key == 0 ? 0 : CryptoCalls.EVP_MD_CTX_new();
            if (context != 0 && CryptoCalls.EVP_DigestVerifyInit(context, 0, 0, 0, key) == 1)
            {
                done = CryptoCalls.EVP_DigestVerify(context, from, SignatureLength, text, (nuint)message.Length);
            }

            CryptoCalls.EVP_MD_CTX_free(context);
            CryptoCalls.EVP_PKEY_free(key);
        }

        if (done != 1)
        {
            CryptoCalls.ERR_clear_error();
        }

        return done == 1;
    }

    internal static void RequireLength(ReadOnlySpan<byte> bytes, int length, string parameter)
    {
        if (bytes.Length != length)
        {
            throw new ArgumentException($"Expected {length} bytes, got {bytes.Length}.", parameter);
        }
    }

    internal static nint Require(nint result)
    {
        if (result != 0)
        {
            return result;
        }

        CryptoCalls.ERR_clear_error();
        throw new CryptographicException("libcrypto refused an Ed25519 operation.");
    }
}
