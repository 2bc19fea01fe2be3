using NixFuseStore.Native.Cryptography;

namespace NixFuseStore.Nix;

/// <summary>A named Ed25519 public key, written <c>name:base64</c>. Immutable.</summary>
public sealed class NixPublicKey : IEquatable<NixPublicKey>
{
    private readonly byte[] _bytes;

    internal NixPublicKey(string name, byte[] bytes)
    {
        Name = name;
        _bytes = bytes;
    }

    /// <summary>The name, such as <c>cache.example.org-1</c>.</summary>
    public string Name { get; }

    /// <summary>The 32 bytes.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Reads <c>name:base64</c>.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out NixPublicKey? key)
    {
        bool valid = KeyText.TryParse(text, Ed25519.PublicKeyLength, out string name, out byte[] bytes);
        key = valid ? new NixPublicKey(name, bytes) : null;
        return valid;
    }

    /// <summary>Reads <c>name:base64</c>.</summary>
    /// <exception cref="FormatException">The text is no public key.</exception>
    public static NixPublicKey Parse(string text) =>
        TryParse(text, out var key) ? key! : throw new FormatException($"'{text}' is not a public key (name:base64 of 32 bytes).");

    /// <summary>Whether the signature carries this key's name and is its signature over the message.</summary>
    public bool Verify(ReadOnlySpan<byte> message, NixSignature signature)
    {
        ArgumentNullException.ThrowIfNull(signature);
        return signature.KeyName == Name && Ed25519.Verify(_bytes, message, signature.Bytes);
    }

    /// <inheritdoc/>
    public bool Equals(NixPublicKey? other) => other is not null && other.Name == Name && _bytes.AsSpan().SequenceEqual(other._bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as NixPublicKey);

    /// <inheritdoc/>
    public override int GetHashCode() => BitConverter.ToInt32(_bytes);

    /// <summary><c>name:base64</c>.</summary>
    public override string ToString() => KeyText.Print(Name, _bytes);
}
