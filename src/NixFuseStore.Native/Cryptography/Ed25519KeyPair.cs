namespace NixFuseStore.Native.Cryptography;

/// <summary>A new Ed25519 key: the 32-byte seed, which is the secret, and the 32-byte public key.</summary>
/// <param name="Seed">The secret; 32 bytes. The holder of the pair keeps it from logs and messages.</param>
/// <param name="PublicKey">The public key; 32 bytes.</param>
public sealed record Ed25519KeyPair(byte[] Seed, byte[] PublicKey)
{
    /// <summary>Prints no secret.</summary>
    public override string ToString() => "Ed25519 key pair";
}
