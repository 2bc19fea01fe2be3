using NixFuseStore.Native.Cryptography;

namespace NixFuseStore.Nix;

/// <summary>A named Ed25519 secret key, in files <c>name:base64(32-byte seed, 32-byte public key)</c>. Immutable.</summary>
public sealed class NixSecretKey
{
    private readonly byte[] _seed;
    private readonly Ed25519SigningKey _key;

    private NixSecretKey(string name, byte[] seed, Ed25519SigningKey key, byte[] publicKey)
    {
        _seed = seed;
        _key = key;
        PublicKey = new NixPublicKey(name, publicKey);
    }

    /// <summary>The name, which the signatures carry.</summary>
    public string Name => PublicKey.Name;

    /// <summary>The key that verifies what this one signs.</summary>
    public NixPublicKey PublicKey { get; }

    /// <summary>Makes a new key.</summary>
    /// <exception cref="FormatException">The name is empty or has spaces, colons or characters beyond ASCII.</exception>
    public static NixSecretKey Generate(string name)
    {
        if (!KeyText.IsName(name))
        {
            throw new FormatException($"'{name}' cannot name a key: it must be printable ASCII without spaces and colons.");
        }

        var pair = Ed25519.Generate();
        return new NixSecretKey(name, pair.Seed, new Ed25519SigningKey(pair.Seed), pair.PublicKey);
    }

    /// <summary>Reads the text of a key file; white space around it is no part of it.</summary>
    /// <exception cref="FormatException">The text is no secret key, or its public half is not that of its seed. The message holds nothing of the key.</exception>
    public static NixSecretKey Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!KeyText.TryParse(text.AsSpan().Trim(), Ed25519.SeedLength + Ed25519.PublicKeyLength, out string name, out byte[] bytes))
        {
            throw new FormatException("The text is not a secret key (name:base64 of 64 bytes).");
        }

        byte[] seed = bytes[..Ed25519.SeedLength];
        byte[] publicKey = bytes[Ed25519.SeedLength..];
        var key = new Ed25519SigningKey(seed);
        return key.DerivePublicKey().AsSpan().SequenceEqual(publicKey)
            ? new NixSecretKey(name, seed, key, publicKey)
            : throw new FormatException($"The two halves of the secret key '{name}' do not belong together.");
    }

    /// <summary>Signs a message.</summary>
    public NixSignature Sign(ReadOnlySpan<byte> message) => new(Name, _key.Sign(message));

    /// <summary>The text of a key file, without a newline. A secret.</summary>
    public string ToSecretText() => KeyText.Print(Name, [.. _seed, .. PublicKey.Bytes]);

    /// <summary>The name only.</summary>
    public override string ToString() => Name;
}
